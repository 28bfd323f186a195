import { Link } from "@tanstack/react-router";
import { problemCount } from "./problems.ts";
import { useFeed } from "./status-feed.ts";

/** Link to the problems, with their number. */
export function ProblemsLink() {
  const count = problemCount(useFeed().status);
  return (
    <Link to="/inspector/problems">
      Problems
      {count > 0 && <span className="tag tag-attention dev-count">{count}</span>}
    </Link>
  );
}
