.PHONY: demo test serve lint bench
demo test serve lint bench:
	./run $@
