# The public names of this package, and where they are: see stormlog/_lazy.py.

from stormlog.configuration.keys import KEYS as KEYS
from stormlog.configuration.keys import Key as Key
from stormlog.configuration.loading import Configuration as Configuration
from stormlog.configuration.loading import load as load
from stormlog.configuration.variables import VARIABLES as VARIABLES
