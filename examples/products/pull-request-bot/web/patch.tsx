/** A patch of git, file by file. */
import { useEffect, useState } from "react";

const maxShownLines = 2_000;

export function Patch({ load }: { load: () => Promise<string> }) {
  const [patch, setPatch] = useState<string>();
  // biome-ignore lint/correctness/useExhaustiveDependencies: a patch does not change, so it is read once.
  useEffect(() => {
    void load().then(setPatch, () => setPatch("diff --git \nThe change cannot be read now."));
  }, []);
  if (patch === undefined) return <p role="status">Loading the change</p>;
  const files = patch.split(/^diff --git .*$/m).filter((file) => file.trim() !== "");
  return files.map((file) => <File key={nameOf(file)} file={file} />);
}

function File({ file }: { file: string }) {
  const start = file.search(/^@@/m);
  const text =
    start < 0 ? "A binary file, or a change of its name or mode only." : file.slice(start).trimEnd();
  return (
    <figure className="patch">
      <figcaption>{nameOf(file)}</figcaption>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <pre tabIndex={0}>
        {text
          .split("\n")
          .slice(0, maxShownLines)
          .map((line, at) => (
            <span key={at} className="patch-line" data-sign={signOf(line)}>
              {`${line}\n`}
            </span>
          ))}
      </pre>
    </figure>
  );
}

function signOf(line: string): string | undefined {
  const sign = line[0] ?? " ";
  return "+-@".includes(sign) ? sign : undefined;
}

function nameOf(file: string): string {
  const [, name] = /^\+\+\+ b\/(.*)$/m.exec(file) ?? /^--- a\/(.*)$/m.exec(file) ?? [];
  return name ?? file.trim().split("\n")[0] ?? "";
}
