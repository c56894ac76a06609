from clary.cli import main

main()
