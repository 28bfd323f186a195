import { Link } from "@tanstack/react-router";
import { Empty } from "../parts/notice.tsx";

export function NotFound() {
  return (
    <Empty title="There is nothing at this address.">
      <Link to="/">To the beginning</Link>
    </Empty>
  );
}
