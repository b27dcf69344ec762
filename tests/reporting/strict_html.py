"""Reads a page strictly: every element is closed in its turn, and ids are there once."""

from __future__ import annotations

from html.parser import HTMLParser

#: Elements without an end.
_VOID = {"meta", "br", "link", "img", "input", "hr", "base", "col"}


class StrictPage(HTMLParser):
    """A page that was read, with its elements and their attributes.

    Attributes:
        elements: (name, attributes) in the order of the page.
        text: What stands outside ``style`` and ``title`` of the head.
    """

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self._open: list[str] = []
        assert text.startswith("<!DOCTYPE html>\n")
        self.feed(text)
        self.close()
        assert self._open == [], f"not closed: {self._open}"
        ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(ids) == len(set(ids)), "an id is there twice"
        links = [a["href"] for name, a in self.elements if name == "a"]
        assert {link.removeprefix("#") for link in links} <= set(ids), "a link leads nowhere"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs), f"{tag}: an attribute twice"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open and self._open[-1] == tag, f"</{tag}> closes {self._open[-1:]}"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.text += data

    def names(self) -> set[str]:
        return {name for name, _ in self.elements}

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for found, attributes in self.elements if found == name]
