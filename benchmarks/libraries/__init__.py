"""How each library does a problem: one module each, imported in a process of its own.

A module has

- ``NAME`` and ``DISTRIBUTION``, as the reader and as pip know the library;
- ``NOTE``, what it does, and whether it follows the problem's schedule or one of its own;
- ``PROBLEMS``, the problems it does and which share of the work it gets. Less than 1 where the
  whole would take minutes: the time is then extrapolated, and there is no codebook to grade;
- ``train(problem)``, which returns the codebook, and for the ``winners`` problems
  ``winners(problem)``, which returns the best unit of each row;
- where it applies ``HAS_TORUS = True`` (else it gets a plane) and ``IS_MAP = False`` (its units
  lie on no map, so that there is no topographic error).
"""
