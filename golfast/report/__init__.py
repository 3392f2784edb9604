"""What was found, for people: one HTML file that needs nothing else, and tables in Markdown."""

from golfast.report.markdown import markdown
from golfast.report.page import page

__all__ = ["markdown", "page"]
