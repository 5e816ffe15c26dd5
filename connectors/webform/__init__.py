"""Web form: pages behind signed links, whose requests go on as dialogues."""
