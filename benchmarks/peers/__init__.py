"""One module a framework: VERSION, WORKLOADS {name: set-up returning the step}, to_numpy(what a step returned)."""
