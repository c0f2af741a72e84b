"""What a PromQL expression asks for: names of metrics, and the labels by which it chooses their series."""

import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME = re.compile(r"\b([A-Za-z_:][\w:]*)\b\s*(\(|\{[^}]*\})?")
_LABEL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*(?:=~|!~|!=|=)")
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


def selections(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric that an expression names, with the labels in its braces."""
    text = re.sub(r"\[[^\]]*\]", "", _GROUPING.sub("", _STRING.sub('""', expression)))
    return [
        (name, {*_LABEL.findall(follows)})
        for name, follows in _NAME.findall(text)
        if follows != "(" and name.lower() not in _WORDS
    ]
