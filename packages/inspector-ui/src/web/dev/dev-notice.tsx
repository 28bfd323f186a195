import { Link } from "@tanstack/react-router";
import type { DevProblem } from "../../dev-status.ts";

/** On every screen while the newest version of the program does not run. */
export function DevNotice({
  problem,
  isServed,
}: {
  readonly problem: DevProblem;
  readonly isServed: boolean;
}) {
  return (
    <div className="banner banner-unsafe" role="alert">
      <p>
        <strong>{problem.title}</strong>{" "}
        {isServed
          ? "The version before it goes on to answer."
          : "Nothing answers until it is mended and saved."}{" "}
        <Link to="/inspector/problems">Show the error</Link>
      </p>
    </div>
  );
}
