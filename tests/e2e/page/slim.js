// The slim entry, of another copy of the package: in the same copy it would have the module that the page's own client has loaded.

import { createTabwire, init } from "/copy/dist/slim.js";

window.slim = { createTabwire, init };
