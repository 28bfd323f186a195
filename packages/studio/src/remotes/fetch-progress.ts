export interface FetchProgress {
  /** What git is doing, in its words: "Receiving objects". */
  readonly phase: string;
  readonly percent?: number;
  /** Amount and speed, in git's words: "12.50 MiB | 2.10 MiB/s". */
  readonly amount?: string;
}

/** The newest progress in output of `git fetch --progress`; undefined if there is none in it. */
export function readProgress(output: string): FetchProgress | undefined {
  const lines = output.split(/[\r\n]/).reverse();
  for (const line of lines) {
    const found =
      /^(?:remote: )?([A-Z][a-z]+ [a-z]+):\s+(?:(\d{1,3})% \(\d+\/\d+\)|\d+)(?:, ([\d.]+ \w+(?: \| [\d.]+ \w+\/s)?))?/.exec(
        line,
      );
    const [, phase, percent, amount] = found ?? [];
    if (phase === undefined) continue;
    return {
      phase,
      ...(percent === undefined ? {} : { percent: Number(percent) }),
      ...(amount === undefined ? {} : { amount }),
    };
  }
  return undefined;
}
