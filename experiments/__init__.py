"""What we ask: the command line, one script per question, figures and reports."""
