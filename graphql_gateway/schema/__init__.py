"""The graph: one module for each noun, put together in ``graph``."""

from graphql_gateway.schema.graph import graph, model, sdl

__all__ = ["graph", "model", "sdl"]
