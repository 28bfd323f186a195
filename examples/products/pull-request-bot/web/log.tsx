/** The log of a job. It follows new lines until somebody scrolls up. */
import { type UIEvent, useEffect, useRef, useState } from "react";
import type { NumberedLine } from "../report.ts";
import { Time } from "./list.tsx";

const nearEndPx = 40;

export function Log(props: { lines: readonly NumberedLine[]; dropped: number; isLive: boolean }) {
  const { lines, dropped, isLive } = props;
  const box = useRef<HTMLDivElement>(null);
  const [isFollowing, setFollowing] = useState(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: each new line moves the view.
  useEffect(() => {
    if (isFollowing && box.current !== null) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, isFollowing]);
  const follow = ({ currentTarget: { scrollTop, scrollHeight, clientHeight } }: UIEvent<HTMLElement>) =>
    setFollowing(scrollHeight - scrollTop - clientHeight < nearEndPx);
  return (
    <>
      {dropped > 0 && <p className="hint">The first {dropped} lines are no longer kept.</p>}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, so the keyboard must reach it. */}
      <div className="log" role="log" aria-labelledby="log" tabIndex={0} ref={box} onScroll={follow}>
        {lines.map(({ number, line }) => (
          <p key={number} data-kind={line.kind}>
            <Time at={line.at} />
            <span>{line.text}</span>
          </p>
        ))}
        {lines.length === 0 && (isLive ? "Nothing yet: the job waits for its turn." : "Nothing.")}
      </div>
    </>
  );
}
