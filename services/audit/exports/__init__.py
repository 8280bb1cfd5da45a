"""Exports: the audit trail as lines that anybody can verify without Portico."""
