/**
 * True for files that a user's tools execute, or read as instructions, when a folder is opened, built, tested or
 * committed. Reviewers should check them first. The list prefers false positives; it is advice, not a security
 * boundary.
 */
const names = new Set(
  `makefile gnumakefile justfile .justfile rakefile gemfile taskfile.yml taskfile.yaml procfile vagrantfile
  dockerfile containerfile compose.yml compose.yaml docker-compose.yml docker-compose.yaml
  package.json .npmrc .yarnrc .yarnrc.yml .pnpmfile.cjs pnpm-workspace.yaml bunfig.toml deno.json deno.jsonc
  binding.gyp setup.py setup.cfg pyproject.toml conftest.py tox.ini noxfile.py sitecustomize.py usercustomize.py
  cargo.toml build.rs build.zig go.mod build.gradle build.gradle.kts settings.gradle settings.gradle.kts gradlew
  gradlew.bat pom.xml mvnw build.xml cmakelists.txt configure build.sbt mix.exs directory.build.props
  directory.build.targets .envrc .env .tool-versions mise.toml .mise.toml .nvmrc .node-version .python-version
  .bazelrc workspace module.bazel build.bazel .gdbinit .lldbinit .vimrc .exrc .nvim.lua .bashrc .zshrc .profile
  .gitattributes .gitmodules .gitconfig .lfsconfig .pre-commit-config.yaml lefthook.yml .lefthook.yml
  .mcp.json claude.md agents.md gemini.md .cursorrules .clinerules`
    .split(/\s+/)
    .filter((name) => name !== ""),
);

const folders = new Set([
  ".vscode",
  ".idea",
  ".devcontainer",
  ".husky",
  ".githooks",
  ".git-hooks",
  ".github",
  ".gitlab",
  ".circleci",
  ".cargo",
  ".mvn",
  ".yarn",
  ".claude",
  ".codex",
  ".cursor",
  ".gemini",
]);

const patterns = [
  /\.code-workspace$/,
  /\.config\.[cm]?[jt]sx?$/,
  /\.(csproj|vcxproj|sln|gemspec|pth)$/,
  /\.gitlab-ci\.yml$/,
];

/** `mode` is git's octal file mode after the change. */
export function runsOnYourMachine(path: string, mode: string): boolean {
  if (mode === "100755" || mode === "120000" || mode === "160000") return true;
  const parts = path.toLowerCase().split("/");
  const name = parts.at(-1) ?? "";
  return (
    names.has(name) ||
    patterns.some((pattern) => pattern.test(name)) ||
    parts.slice(0, -1).some((folder) => folders.has(folder))
  );
}
