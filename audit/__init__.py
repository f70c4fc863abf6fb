"""The report of an audit: what the ledger claims, and what one run of the tests did, as a page, a text and numbers."""
