"""The generated catalogue: products as shops describe them, with a known truth."""

from product_length.demo.generator import DemoGenerator

__all__ = ["DemoGenerator"]
