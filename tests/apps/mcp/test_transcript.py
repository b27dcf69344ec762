"""The investigation in the guide is what a client sees."""

from __future__ import annotations

import importlib.util

import pytest

from tests.captures import CHECKOUT

GENERATOR = CHECKOUT / "docs" / "generate_agents_mcp.py"


def test_the_investigation_in_the_guide_is_what_a_client_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("generate_agents_mcp", GENERATOR)
    assert spec is not None and spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    monkeypatch.chdir(CHECKOUT)
    page = generator.PAGE.read_text(encoding="utf-8")
    assert page.count("```text\n") > 8
    assert page == generator.render(page), "run python docs/generate_agents_mcp.py"
