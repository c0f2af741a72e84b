"""What a PromQL expression reads: names of metrics, and the labels by which it selects and groups series."""

import re

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_GROUPING = re.compile(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)")
_NAME = re.compile(r"\b([A-Za-z_:][\w:]*)\b\s*(\(|\{[^}]*\})?")
_LABEL = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*(?:=~|!~|!=|=)")
_WORDS = {"and", "or", "unless", "bool", "offset", "inf", "nan"}


def groupings(expression: str) -> set[str]:
    """Each label that an expression keeps, by `by` or `on`."""
    return {
        label
        for word, labels in re.findall(r"\b(by|on)\s*\(([^)]*)\)", _STRING.sub('""', expression))
        for label in re.findall(r"\w+", labels)
    }


def matched(expression: str, label: str) -> list[tuple[str, str]]:
    """Each value that a matcher of a label names, with its metric; the alternatives of a pattern one by one."""
    found = re.findall(rf'(\w+)\{{[^}}]*\b{label}(?:=~|!~|!=|=)"([^"]*)"', expression)
    return [(metric, value) for metric, values in found for value in values.split("|")]


def selections(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric that an expression names, with the labels in its braces."""
    text = re.sub(r"\[[^\]]*\]", "", _GROUPING.sub("", _STRING.sub('""', expression)))
    return [
        (name, {*_LABEL.findall(follows)})
        for name, follows in _NAME.findall(text)
        if follows != "(" and name.lower() not in _WORDS
    ]
