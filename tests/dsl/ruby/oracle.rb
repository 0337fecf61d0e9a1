# Evaluates snippets, one JSON list on standard input, and says what each gives or raises.
require 'json'; require 'digest'; require 'base64'; require 'uri'; require 'ipaddr'; require 'securerandom'; require 'zlib'
require 'set'; require 'csv'; require 'time'; require 'date'; require 'cgi'
$VERBOSE = nil
ENV['TZ'] = 'UTC'
Encoding.default_external = Encoding::UTF_8
Encoding.default_internal = nil
answers = JSON.parse($stdin.read).map do |code|
  begin
    $stdout = File.open(File::NULL, 'w')
    made = eval("# encoding: utf-8\n-> {\n#{code}\n}", TOPLEVEL_BINDING.dup).call
    { 'value' => made.inspect.dup.force_encoding('UTF-8').scrub('?') }
  rescue Exception => e
    raise if e.is_a?(Interrupt)
    { 'error' => e.class.name, 'message' => e.message.dup.force_encoding('UTF-8').scrub('?') }
  ensure
    $stdout = STDOUT
  end
end
puts JSON.generate('version' => RUBY_VERSION, 'answers' => answers)
