import { Empty } from "@holdfast/web-parts";
import { Link } from "@tanstack/react-router";

export function NotFound() {
  return (
    <Empty heading title="Page not found.">
      <Link to="/inspector">View all actors</Link>
    </Empty>
  );
}
