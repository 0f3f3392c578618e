"""The short form of the fuzzing of everything that is in the OpenAPI document."""

from __future__ import annotations

from tests.fuzz.openapi import SHORT, attack, fill, made_files
from tests.support.process import NodeProcess


def test_no_answer_is_a_failure_or_anything_but_what_the_document_says(module_node: NodeProcess) -> None:
    address = fill(module_node, made_files())[0] | {"frames": "1"}
    clean, words = attack(module_node, address, *SHORT, timeout_s=300)
    assert clean, words
    assert "No issues found" in words
    assert "request_broke" not in module_node.log.read_text()
