# Order Tracker. `make` alone says what there is to make; the work is in scripts/.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run stop dev check test test-full soak flake bench size invite psql clean clean-data

help: ## This list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1\t\2/p' Makefile | expand -t 20

run: ## Install what is missing, build what has changed, serve on http://localhost:8080
	@scripts/run.sh

stop: ## Stop whatever `make run` and `make dev` have started here; the data stays
	@scripts/stop.sh

dev: ## The server and Vite's, which reloads the apps as you write: http://localhost:5173
	@scripts/dev.sh

check: ## Formatting, lints and types, of the server, the apps and the scripts
	@scripts/check.sh

test: ## All tests, on services of their own; disturbs no running `make run`
	@scripts/test.sh

test-full: ## Those, and the long ones: restarts behind HAProxy
	@scripts/test-full.sh

soak: ## The longest, three quarters of an hour: a million events under every fault; SOAK_EVENTS=100000 for less
	@scripts/soak.sh

flake: ## A test many times, or all with a part of its name: make flake T=races:: N=200
	@scripts/flake.sh "$(T)" "$(or $(N),200)"

bench: ## Each operation beside its limit, and beside Express; an hour (BENCH=--quick: nine minutes), a table, also in bench/RESULTS.md
	@scripts/bench.sh $(BENCH)

size: ## What the apps weigh over the wire, against their budgets
	@scripts/apps.sh build && npm --prefix frontend run --silent size

invite: ## A one-time link for a new mover; make invite ROLE=admin for an admin
	@scripts/invite.sh "$(ROLE)"

psql: ## A prompt in the private database
	@scripts/with-services.sh bash -c 'psql "$$DATABASE_URL"'

clean: ## Stop, and remove what can be built again
	@scripts/clean.sh builds

clean-data: ## Stop, and delete all accounts and orders of this clone; asks first
	@scripts/clean.sh data
