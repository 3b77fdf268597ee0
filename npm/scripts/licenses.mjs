// The licence texts are the repository's: a package needs copies of them.
import { copyFileSync } from "node:fs";

const root = new URL("../../", import.meta.url);
const here = new URL("../", import.meta.url);
for (const name of ["LICENSE-MIT", "LICENSE-APACHE"]) copyFileSync(new URL(name, root), new URL(name, here));
