"""x"""


def reply_text(text: str) -> str:
    return text
