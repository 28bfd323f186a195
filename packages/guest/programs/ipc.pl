# The thin client of the resident guest; see ipc-server.ts for what goes over the socket.
use strict;
use warnings;
use Socket;

sub fail {
  my ($code, $message) = @_;
  print STDERR qq({"code":"$code","message":"$message","retriable":false}\n);
  exit 1;
}

my ($topic, $arguments) = @ARGV;
fail("CLI_ERROR", "Usage: ipc TOPIC [JSON]; ipc tool.list") if @ARGV < 1 || @ARGV > 2 || $topic =~ /\n/;
$arguments = do { local $/; <STDIN> // "" } if defined $arguments && $arguments eq "-";
my $path = $ENV{HOLDFAST_IPC} // "/tmp/.holdfast/ipc.sock";
# The peer's client gives up after 35 s, and so does this one; an approval that was asked for stays open.
$SIG{ALRM} = sub { fail("IPC_ERROR", "No answer in time") };
my $patience = $ENV{CARAPACE_TIMEOUT} // "";
$patience = 35000 if $patience !~ /^[0-9]{1,9}$/ || $patience == 0;
# It counts whole seconds, and none of them is no alarm at all.
alarm(int(($patience + 999) / 1000));
socket(my $guest, PF_UNIX, SOCK_STREAM, 0) or fail("IPC_ERROR", "No socket could be made");
connect($guest, sockaddr_un($path)) or fail("IPC_ERROR", "The guest of this jail is not running");
$arguments //= "";
my $request = length($arguments) . " $topic\n$arguments";
while (length $request) {
  my $written = syswrite($guest, $request);
  fail("IPC_ERROR", "The guest went away") unless defined $written;
  substr($request, 0, $written) = "";
}
my $answer = "";
while (sysread($guest, my $chunk, 65536)) { $answer .= $chunk }
my $status = substr($answer, 0, 1);
my $json = length $answer ? substr($answer, 1) : "";
if ($status eq "0") { print "$json\n"; exit 0 }
fail("IPC_ERROR", "The guest went away") if $status ne "1";
print STDERR "$json\n";
exit 1;
