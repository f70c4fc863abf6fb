"""The paper's statements as data, one module a section; `theory.statements` joins them."""
