# The commands of the project. Each installs what it lacks first (Debian, Ubuntu) and nothing else.
# What belongs here: names for scripts. What must not: logic.

.DEFAULT_GOAL := help
.PHONY: help demo build ui test test-quick sim fuzz obs bench bench-quick deny clean
MAKEFLAGS += --no-print-directory
SHELL := /bin/bash
RUST := . scripts/env.sh && use_rust &&
BOTH := $(RUST) use_node &&
# bash has a variable of this name with a meaning of its own
unexport SECONDS

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

demo: build ## see it run on real input; SECONDS=10 ends it by itself
	@target/release/manycast demo $(if $(SECONDS),--seconds $(SECONDS))

build: ui ## target/release/manycast
	@$(RUST) cargo build --release --locked --bin manycast --features manycast-app/require-ui

ui: ## the dashboard, built into dashboard/dist (nothing to do if it is as it was)
	@scripts/setup build ui
	@$(BOTH) cargo xtask ui

test: ## everything that CI checks, real programs included
	@scripts/test

test-quick: ## format, lints, the house rules and the tests that need no other program
	@scripts/test --quick

sim: ## the restream engine in virtual time; SEEDS=10000 FROM=0, or SEED=7 to see one run
	@scripts/setup build
	@$(RUST) cargo run --locked --quiet -p manycast-sim -- $(if $(SEED),--seed $(SEED),--from $(or $(FROM),0) --seeds $(or $(SEEDS),10000))

fuzz: ## fuzz each target; SECONDS=60 per target
	@scripts/setup build test
	@$(RUST) fuzz/run $(or $(SECONDS),60)

obs: ## OBS Studio streams through the server to a destination, and is killed and comes back
	@scripts/setup build test obs
	@$(RUST) cargo build --locked --bin manycast && tests/obs/run && tests/obs/run --kill 8

bench: build ## figures, plots and tables beside the floor of the machine and nginx-rtmp; ARGS="--help" for its parts
	@scripts/setup bench
	@$(RUST) python3 bench/run.py $(ARGS)

bench-quick: build ## the same in a few minutes: one run of the most important suites
	@scripts/setup bench
	@$(RUST) python3 bench/run.py --quick $(ARGS)

deny: ## licences, bans and sources of the dependencies (needs cargo-deny)
	@$(RUST) command -v cargo-deny >/dev/null || { echo "cargo-deny is not installed: cargo install --locked cargo-deny"; exit 1; }
	@$(RUST) cargo deny --locked check bans licenses sources

clean: ## remove what was built and cached
	@$(RUST) cargo clean && rm -rf bench/rtmp-load/target fuzz/target bench/out .cache dashboard/dist dashboard/node_modules dashboard/.generated
