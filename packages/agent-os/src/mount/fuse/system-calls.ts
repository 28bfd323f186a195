interface SystemCalls {
  readonly mount: number;
  readonly umount2: number;
}

const calls: Readonly<Partial<Record<NodeJS.Architecture, SystemCalls>>> = {
  x64: { mount: 165, umount2: 166 },
  arm64: { mount: 40, umount2: 39 },
};

/** Numbers of system calls; undefined where nothing can be mounted. */
export function systemCalls(): SystemCalls | undefined {
  return process.platform === "linux" ? calls[process.arch] : undefined;
}
