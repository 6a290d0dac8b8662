"""`python -m somscape` runs the command `somscape`."""

from somscape.desk.cli._commands import main

if __name__ == "__main__":
    main(prog_name="somscape")
