export { type DockerProviderOptions, podman } from "./docker.ts";
