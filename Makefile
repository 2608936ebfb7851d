# What a person can do here. The work itself is in xtask/ (Rust); this file is only the list.

.DEFAULT_GOAL := help
.PHONY: help need run test lint bench soak release pictures

XTASK := cargo xtask

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

need:
	@sh xtask/need.sh
	@[ -x target/debug/xtask ] || { echo "Building what does the tasks (once, a minute or so)"; cargo build --package xtask; }

run: need ## build everything and start the demo at http://127.0.0.1:8080
	@$(XTASK) run

test: need ## every test there is; installs PostgreSQL and Chromium from Debian packages when missing
	@$(XTASK) test

lint: need ## only formatting, clippy and the web linters (no databases, no browser)
	@$(XTASK) test --only format,clippy,web-check,widget-check,e2e-check

bench: need ## performance goals against their references (ONLY=B5,B13 to choose, JSON=1 for machines)
	@$(XTASK) bench $(if $(ONLY),--only $(ONLY)) $(if $(JSON),--json)

soak: need ## ten million events with faults through the assignment engine (EVENTS=, SEED=)
	@$(XTASK) soak $(if $(EVENTS),--events $(EVENTS)) $(if $(SEED),--seed $(SEED))

release: need ## the binary to ship, with the web application inside: target/release/ronda
	@$(XTASK) release

pictures: need ## take the pictures of docs/pictures again
	@$(XTASK) pictures
