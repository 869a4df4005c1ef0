# The short way to everything; the build itself is CMake's (CMakeLists.txt, CMakePresets.json).
# Variables: JOBS (parallel builds), TESTS (a regular expression of ctest), DESTDIR (make install).

JOBS ?= $(shell nproc)
TESTS ?= .
PREFIX ?= /usr/local
INSTALL_PACKAGES := packaging/install-packages
QUIETLY := packaging/quietly

export CMAKE_BUILD_PARALLEL_LEVEL := $(JOBS)

.DEFAULT_GOAL := all
.PHONY: all help deps demo test bench format lint coverage deb install clean tools

RELEASE := cmake --preset release --log-level=WARNING -DCMAKE_INSTALL_PREFIX=$(PREFIX) && \
           cmake --build --preset release

all: tools ## build build/release/bin/waitprof and build/release/lib/libwaitprof.so
	@$(RELEASE)

# A clear message before cmake's own, which names one missing thing at a time.
tools:
	@for tool in cmake ninja cc pkg-config; do \
	    command -v $$tool >/dev/null || \
	        { echo "waitprof: $$tool is missing: run 'make deps' (Debian), as root or with sudo" >&2; \
	          exit 1; }; \
	done

help: ## print this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the Debian packages that the build needs
	@$(INSTALL_PACKAGES) build

demo: deps ## run a slow but cool service under waitprof, and show who waits and because of whom
	@echo "Building"
	@$(QUIETLY) sh -c '$(RELEASE) --target waitprof waitprof_preload demo_service'
	@build/release/bin/waitprof run -o build/demo -- build/release/bin/demo_service 5

test: ## run every test
	@$(INSTALL_PACKAGES) build test
	@cmake --preset dev --log-level=WARNING
	@cmake --build --preset dev
	@ctest --preset dev --no-tests=error -R '$(TESTS)'

bench: ## measure what waitprof costs
	@$(INSTALL_PACKAGES) build test
	@$(RELEASE)
	@cmake --build --preset release --target bench

format: ## format all C and C++ sources
	@$(INSTALL_PACKAGES) lint
	@packaging/sources | xargs clang-format -i

lint: ## check the format and look for defects
	@$(INSTALL_PACKAGES) build test lint
	@packaging/sources | xargs clang-format --dry-run -Werror
	@cmake --preset dev --log-level=WARNING
	@cmake --build --preset dev
	@packaging/lint build/dev

coverage: ## run the tests, and print which lines they reach
	@$(INSTALL_PACKAGES) build test coverage
	@cmake --preset coverage --log-level=WARNING
	@cmake --build --preset coverage
	@ctest --preset coverage --no-tests=error -R '$(TESTS)'
	@gcovr --root . --filter src/ --exclude '.*/tests/' --sort-uncovered build/coverage

deb: deps ## make a Debian package in build/deb
	@cmake --preset release -B build/deb --log-level=WARNING -DCMAKE_INSTALL_PREFIX=/usr
	@cmake --build build/deb
	@cd build/deb && cpack -G DEB

install: all ## install below PREFIX (/usr/local)
	@DESTDIR=$(DESTDIR) cmake --install build/release

clean: ## remove everything that was built
	@rm -rf build
