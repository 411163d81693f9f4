# Everything happens in .venv; remove it (make clean) to begin anew.
# make PYTHON=/path/to/python   another Python (3.10 or newer)      make JOBS=4   more compilers at once

JOBS    ?= $(shell nproc 2>/dev/null || getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
VENV    := .venv
RUN     := $(VENV)/bin/python
CANDIDATES := python3 python3.13 python3.12 python3.11 python3.10 /usr/bin/python3
# The first Python that has what a build needs; asked for only when .venv is made.
PYTHON   = $(shell for p in $(CANDIDATES); do $$p minitf/doctor.py --preflight -q >/dev/null 2>&1 && echo $$p && break; done)
SOURCES := $(shell find minitf -name '*.pyx' -o -name '*.pxd' -o -name '*.h')

# BLAS and OpenMP each take every core they see; a test wants one thread, so that it measures and repeats well.
THREADS  = OMP_NUM_THREADS=$${OMP_NUM_THREADS:-$(1)} OPENBLAS_NUM_THREADS=$${OPENBLAS_NUM_THREADS:-$(1)}

PIP      = $(RUN) -m pip install --quiet --disable-pip-version-check
# Requirements as setup.cfg lists them, one a line: $(call LIST,section:key ...)
LIST     = $(RUN) -c "import configparser, sys; c = configparser.ConfigParser(); c.read('setup.cfg'); \
    print(*(c[s][k].strip() for s, k in (a.split(':') for a in sys.argv[1:])), sep='\n')" $(1)

PYTEST   = $(call THREADS,1) $(RUN) -m pytest
WORKERS  = -n $(JOBS)
# (not the steps whose memory is counted: exercise 04/duplicates merges rows in the graph, where the package's kernels do it themselves)
SWAPPED  = $(addprefix tests/,autodiff core graph kernels ops placement platform session test train v0 test_every_op.py test_examples.py) \
    $(filter-out %/test_sampled_step.py,$(wildcard tests/nn/test_*.py))

# What the commands of the course are given: make grade CH=03 SEED=7, make hint TASK=03/gather
COURSE   = $(call THREADS,1) $(RUN) -m minitf.course
OPTIONS  = $(if $(TASK),--task $(TASK)) $(if $(SEED),--seed $(SEED)) $(if $(SUBMISSIONS),--submissions "$(SUBMISSIONS)") $(if $(CSV),--csv "$(CSV)")
NEEDS_TASK = $(if $(TASK),,$(error which task? For example: make $@ TASK=03/gather))

.PHONY: build demo test fake-gpu data bench bench-peers doctor clean help lab grade watch progress hint reset diff update exercises notebooks
.DELETE_ON_ERROR:

build: $(VENV)/built
	@echo "minitf is built for $$($(RUN) -V) in $(VENV). Next: make demo, make test, make help."

help:
	@echo "make              set up .venv and build what changed"
	@echo "make demo         train the MnistModel on real digits; pictures in demo/"
	@echo "make test         everything that must hold; ARGS='-k name' goes to pytest"
	@echo "make lab          JupyterLab at chapter 1, in copies of the chapters that are yours (work/chapters)"
	@echo "make grade        points of the course; CH=03 of a chapter, with what is broken; TASK=03/gather of one task; SEED=7"
	@echo "make watch CH=03  grades a task whenever you save its file"
	@echo "make progress     what is done so far, and what is next"
	@echo "make hint TASK=03/gather     one hint more each time;  make diff: ours beside yours, once yours passes;"
	@echo "make reset TASK=03/gather    the file as it was; yours is kept in work/saved"
	@echo "make update       git pull that keeps your files"
	@echo "make grade SUBMISSIONS=dir   for instructors: a CSV row for every student"
	@echo "make bench        minitf beside the peers that are installed; ARGS goes to benchmarks.run"
	@echo "make bench-peers  install the peers: TensorFlow, PyTorch, JAX (6 GB, in .venv-bench)"
	@echo "make data         fetch the data that demo and test use (22 MB)"
	@echo "make extra-NAME   install an extra of setup.cfg: gpu, cuda-compile, course, board"
	@echo "make exercises, make notebooks    for authors: exercises/ from solutions/, the notebooks from their scripts"
	@echo "make doctor       what is missing, and what works without it"
	@echo "make clean        remove .venv and what was built; data and pictures stay"

# A virtual environment with what a build needs. Made anew when the interpreter it was made from is gone.
$(VENV)/made: pyproject.toml $(if $(wildcard $(RUN)),,FORCE)
	@python="$(PYTHON)"; if [ -z "$$python" ]; then \
	    for p in $(CANDIDATES); do if $$p -c '' 2>/dev/null; then $$p minitf/doctor.py --preflight; exit 1; fi; done; \
	    echo "No Python found; minitf needs Python 3.10 or newer (make PYTHON=/path/to/it)"; exit 1; fi; \
	echo "Setting up $(VENV) with $$python"; \
	$$python minitf/doctor.py --preflight && $$python -m venv --clear $(VENV)
	@$(PIP) --upgrade pip
	@$(PIP) "setuptools>=68" wheel "cython>=3.0.8" "numpy>=2.0" "scipy>=1.13"
	@touch $@

# Modules whose sources changed; all of them when setup.py (the flags) or .venv did. What the compiler says is shown if it fails;
# else it is in .venv/compile.log: most of its warnings are about the C that Cython writes.
$(VENV)/compiled: $(SOURCES) setup.py $(VENV)/made
	@echo "Compiling, $(JOBS) at a time"
	@$(if $(filter setup.py $(VENV)/made,$?),CYTHON_FORCE_REGEN=1) $(RUN) setup.py --quiet build_ext --inplace --parallel $(JOBS) \
	    $(if $(filter setup.py $(VENV)/made,$?),--force) 2> $(VENV)/compile.log \
	    || { grep -B 1 -A 5 '[Ee]rror' $(VENV)/compile.log | tail -n 40; exit 1; }
	@touch $@

# The other dependencies, and a path to this folder: programs anywhere find minitf in it, and Cython finds its .pxd files.
$(VENV)/built: setup.cfg $(VENV)/compiled
	@$(if $(filter setup.cfg,$?),$(call LIST,options:install_requires options.extras_require:test) > $(VENV)/requirements.txt \
	    && $(PIP) -r $(VENV)/requirements.txt)
	@echo "$(CURDIR)" > "$$($(RUN) -c "import sysconfig; print(sysconfig.get_path('purelib'))")/minitf.pth"
	@touch $@

FORCE:

data: $(VENV)/built
	@$(RUN) -m minitf.datasets

demo: $(VENV)/built data
	@$(call THREADS,2) $(RUN) examples/mnist_model.py --output demo $(ARGS)

# Everything; with ARGS, only what they name.  First the package and the gates of the course; then the package's own tests once more, on the
# solutions in place of its functions; then the chapters, whose every output must come out as it is stored.
test: $(VENV)/built data $(if $(ARGS),,fake-gpu)
	@$(PYTEST) $(or $(ARGS),$(WORKERS) tests)
ifeq ($(ARGS),)
	@echo "The same on the solutions (MINITF_SWAP=solutions):"
	@MINITF_SWAP=solutions $(PYTEST) $(WORKERS) $(SWAPPED)
	@echo "The chapters:"
	@PYTHONHASHSEED=0 $(PYTEST) $(WORKERS) --dist loadscope --nbval --nbval-current-env --nbval-sanitize-with chapters/sanitize.cfg \
	    --nbval-cell-timeout 120 chapters
endif

# PyCUDA on a driver that needs no GPU, for the tests of the path to a real one; without it they are skipped.
fake-gpu: $(VENV)/built
	@$(RUN) tests/kernels/gpu/fake_driver/build.py $(VENV)/fake_gpu

lab: $(VENV)/built data $(VENV)/jupyter
	@$(RUN) -m minitf.course.lab

$(VENV)/jupyter: setup.cfg $(VENV)/built
	@echo "Installing JupyterLab"
	@$(call LIST,options.extras_require:course) > $(VENV)/jupyter.txt
	@$(PIP) -r $(VENV)/jupyter.txt
	@touch $@

grade: $(VENV)/built
	@$(COURSE) grade $(CH) $(OPTIONS)

watch: $(VENV)/built
	@$(COURSE) watch $(CH)

progress: $(VENV)/built
	@$(COURSE) progress

hint reset diff: $(VENV)/built
	@$(NEEDS_TASK)$(COURSE) $@ $(TASK)

update: $(VENV)/built
	@$(COURSE) update
	@$(MAKE) --no-print-directory build

exercises: $(VENV)/built
	@$(COURSE) exercises

notebooks: $(VENV)/built data
	@$(call THREADS,1) $(RUN) -m minitf.course.notebook build $(ARGS)

bench: $(VENV)/built
	@$(RUN) -m benchmarks.run $(ARGS)

bench-peers: $(VENV)/built
	$(RUN) -m venv .venv-bench
	@$(call LIST,options.extras_require:bench) > .venv-bench/requirements.txt
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r .venv-bench/requirements.txt

# PyCUDA is compiled by pip: it finds the toolkit by the nvcc on PATH, and would want cuRAND, which some toolkits lack and nothing here uses.
extra-gpu: $(VENV)/built
	@$(call LIST,options.extras_require:gpu) > $(VENV)/extra-gpu.txt
	PATH="$$($(RUN) -m minitf.kernels.gpu.nvcc):$$PATH" $(PIP) --config-settings=--global-option=--conf:CUDA_ENABLE_CURAND=False -r $(VENV)/extra-gpu.txt

extra-%: $(VENV)/built
	@$(call LIST,options.extras_require:$*) > $(VENV)/extra-$*.txt
	$(PIP) -r $(VENV)/extra-$*.txt

# Run by its path and without .venv where there is none: it must work when nothing else does.
doctor:
	@if [ -x $(RUN) ]; then $(RUN) minitf/doctor.py; else \
	    for p in $(CANDIDATES); do if $$p -c '' 2>/dev/null; then exec $$p minitf/doctor.py; fi; done; echo "No Python found"; exit 1; fi

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache
	find minitf -name '*.so' -delete -o -name '__pycache__' -prune -exec rm -rf {} +
	find minitf -name '*.pyx' | sed 's/pyx$$/c/' | xargs rm -f
