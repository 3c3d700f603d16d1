from __future__ import annotations

import ast

from written_out import DOCUMENT, STUB, document, stub

HOW = "run: python tests/metrics/written_out.py"


def test_stub_is_what_the_protocols_give():
    assert ast.dump(ast.parse(STUB.read_text())) == ast.dump(ast.parse(stub())), HOW


def test_document_has_the_table_of_protocols():
    assert DOCUMENT.read_text() == document(), HOW
