"""Adapters from rows to judgement, one module a stage; they never import each other."""
