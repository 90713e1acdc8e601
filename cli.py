"""Run the igrules commands from a checkout."""

from igrules.cli import main

if __name__ == "__main__":
    main()
