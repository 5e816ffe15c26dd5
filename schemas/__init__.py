"""Wire contracts: the data that rooms, topics and other systems exchange. Data only; imports no other room."""
