/** Modules of the Studio's actors: what one actor keeps must not be seen by another one in the same process. */

const folders = ["packages/studio/src/backend/", "packages/studio/src/people/actors/"];

/** A variable, or a collection that begins empty, at the top of a module. */
const moduleState =
  /^(?:export )?(?:let \w+|const \w+(?:: [^=]+)? = new (?:Map|Set|WeakMap|WeakSet)(?:<.*>)?\(\))/;

/** Lines with state that all actors of a process would share. `text`: the source of `path`, below the root. */
export function sharedStateProblems(path: string, text: string): string[] {
  if (!folders.some((folder) => path.startsWith(folder)) || /\.test\.tsx?$/.test(path)) return [];
  const problems: string[] = [];
  for (const [index, line] of text.split("\n").entries()) {
    if (moduleState.test(line))
      problems.push(`${path}:${index + 1}: all actors of a process share this; keep it in state or vars`);
  }
  return problems;
}
