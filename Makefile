# Every target sets up what it needs first; a second run does only what is new. `make` alone prints the list.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup build demo test bench fmt clean

# demo: vxlan, host-gw, udp, ipip or wireguard
BACKEND ?= vxlan
# demo: 1 leaves the lab up
KEEP ?=
# demo: 1 runs it on a kernel of its own, emulated, which has ipip and wireguard
GUEST ?=
# bench: cni, overlay, udp or converge; ARGS: --quick, --json, --guest
NAME ?=
ARGS ?=

export PATH := $(CURDIR)/node_modules/.bin:$(PATH):/usr/sbin:/sbin
# biome makes a folder for its logs, even if it writes none
export XDG_CACHE_HOME := $(CURDIR)/.cache

help: ## print this list
	@echo 'Podlace: a pod network you can read. Targets:'
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18
	@echo 'demo, test and bench need root: they make network namespaces.'

setup: ## install what is missing: system packages, npm packages, native parts, bundle
	@bash scripts/setup.sh all

build: ## only the native parts and the bundle (and what they need)
	@bash scripts/setup.sh build

demo: ## three nodes, six pods, faults, figures; BACKEND=vxlan|host-gw|udp|ipip|wireguard, KEEP=1 leaves it up, GUEST=1 emulates a kernel
	@bash scripts/demo.sh '$(BACKEND)' '$(KEEP)' '$(GUEST)'

test: ## types, lint, format, floors, unit tests, simulation, namespaces, containers, guest; checks that nothing is left behind
	@bash scripts/setup.sh test
	@bash scripts/test.sh all

bench: ## one benchmark: make bench NAME=cni, for a short look also ARGS=--quick
	@bash scripts/setup.sh bench
	@node bench/run.ts $(NAME) $(ARGS)

fmt: ## format the sources and sort their imports
	@bash scripts/setup.sh packages
	@biome check --write .

clean: ## remove what was built and installed inside this folder
	rm -rf node_modules build dist .cache
