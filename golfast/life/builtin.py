"""Patterns that can be asked for by name, as RLE (https://conwaylife.com/wiki has a page on each)."""

PATTERNS = {
    "block": "#N Block\nx = 2, y = 2, rule = B3/S23\n2o$2o!",
    "blinker": "#N Blinker\n#O John Conway\nx = 3, y = 1, rule = B3/S23\n3o!",
    "glider": "#N Glider\n#O Richard K. Guy\nx = 3, y = 3, rule = B3/S23\nbo$2bo$3o!",
    "lwss": "#N Lightweight spaceship\n#O John Conway\nx = 5, y = 4, rule = B3/S23\nbo2bo$o$o3bo$4o!",
    "pulsar": (
        "#N Pulsar\n#O John Conway\n"
        "x = 13, y = 13, rule = B3/S23\n"
        "2b3o3b3o2$o4bobo4bo$o4bobo4bo$o4bobo4bo$2b3o3b3o2$\n"
        "2b3o3b3o$o4bobo4bo$o4bobo4bo$o4bobo4bo2$2b3o3b3o!"
    ),
    "r-pentomino": "#N R-pentomino\n#O John Conway\nx = 3, y = 3, rule = B3/S23\nb2o$2o$bo!",
    "acorn": "#N Acorn\n#O Charles Corderman\nx = 7, y = 3, rule = B3/S23\nbo$3bo$2o2b3o!",
    "diehard": "#N Die hard\nx = 8, y = 3, rule = B3/S23\n6bo$2o$bo3b3o!",
    "gosper-gun": (
        "#N Gosper glider gun\n#O Bill Gosper, 1970\n"
        "x = 36, y = 9, rule = B3/S23\n"
        "24bo$22bobo$12b2o6b2o12b2o$11bo3bo4b2o12b2o$2o8bo5bo3b2o$\n"
        "2o8bo3bob2o4bobo$10bo5bo7bo$11bo3bo$12b2o!"
    ),
}
