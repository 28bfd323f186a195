/** The prompt with which an agent resolves conflicts: their paths are data, and each is quoted. */
export function conflictPrompt(branch: string, paths: readonly string[]): string {
  const list = paths.map((path) => `- ${JSON.stringify(path)}`).join("\n");
  return `This task was moved to the newest commit of the branch ${JSON.stringify(branch)}. Your changes are in the working tree, not committed. These files have changed in both, and contain git's conflict markers, or were deleted on one side:

${list}

Resolve each conflict so that both intentions are kept, and remove the markers: what follows "<<<<<<< refs/holdfast/new-base" is the branch's, what precedes ">>>>>>> refs/holdfast/this-task" is yours. Then run the tests. Change nothing else.`;
}
