import { usePageTitle } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";

export function NotFound() {
  usePageTitle("Not found");
  return (
    <div className="page page-narrow">
      <h1>There is nothing here</h1>
      <p>The address may be mistyped, or the task is in another data directory.</p>
      <p>
        <Link to="/">See all tasks</Link>
      </p>
    </div>
  );
}
