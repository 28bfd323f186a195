/** The container images of a release, which are built of its published packages. */

export interface ReleasedImage {
  readonly name: string;
  /** Relative to the repository. */
  readonly containerfile: string;
  /** Builds it once the packages are published. */
  readonly command: string;
}

const base = "docker.io/library/node:24-bookworm-slim";

/** With these, a session of the agent starts without an install. */
const agents = ["claude", "codex", "opencode"];

/** `BASE` is an argument of the shell: the base by its digest, so that an image can be made again. */
export function imagesOf(version: string): readonly ReleasedImage[] {
  const image = (name: string, folder: string, args: readonly string[] = []): ReleasedImage => {
    const values = [`BASE="\${BASE:-${base}}"`, `VERSION=${version}`, ...args];
    const options = values.map((value) => `--build-arg ${value}`).join(" ");
    return {
      name: `${name}:${version}`,
      containerfile: `${folder}/Containerfile`,
      command: `podman build --format docker ${options} --tag ${name}:${version} ${folder}`,
    };
  };
  return [
    image("holdfast", "deploy/image/holdfast"),
    image("holdfast-sandbox", "deploy/image/sandbox", [`AGENTS="${agents.join(" ")}"`]),
  ];
}
