"""Logs Insights: queries over the lines of log groups, each carried out in a thread of its own."""
