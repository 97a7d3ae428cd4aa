"""What of the docs is drawn from code. `./run docs` draws it anew; tests/test_docs_drawn.py compares."""
