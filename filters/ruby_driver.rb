# Runs a Ruby block of a configuration for Penstock, in a real ruby.
#
# A line of JSON comes in, a line goes out. The first line has the code; each further line has a
# batch of events. The answer to a batch is a list: 0 for an event that stays as it is, else what
# changed in it, field by field at the top: [set, removed, cancelled, made, error]. `removed` is a
# list of names that go before the others are set, or true, if all go.
require 'json'
require 'time'
require 'set'
require 'uri'

# What Logstash has loaded already, so that code uses it without `require`.
{
  Base64: 'base64', BigDecimal: 'bigdecimal', CGI: 'cgi', CSV: 'csv', Digest: 'digest', ERB: 'erb',
  IPAddr: 'ipaddr', OpenSSL: 'openssl', OpenStruct: 'ostruct', Resolv: 'resolv',
  SecureRandom: 'securerandom', Socket: 'socket',
  StringIO: 'stringio', Timeout: 'timeout', YAML: 'yaml', Zlib: 'zlib'
}.each { |name, library| Object.autoload(name, library) }

REPLIES = $stdout.dup
$stdout = $stderr

module LogStash
  class Timestamp
    include Comparable

    # An instant of an event, read only when it is asked for.
    def self.of(text)
      made = allocate
      made.instance_variable_set(:@text, text)
      made
    end

    def time = @time ||= Time.iso8601(@text).utc

    def initialize(value = nil)
      @time = case value
              when nil then Time.now.floor(3)
              when Time then value
              when Timestamp then value.time
              else Time.iso8601(value.to_s)
              end.utc
    end

    def self.now = new
    def self.at(seconds, micros = 0) = new(Time.at(seconds, micros))
    def self.coerce(value) = value.nil? || value.is_a?(Timestamp) ? value : new(value)
    def self.parse_iso8601(text) = new(text)
    def <=>(other) = time <=> (other.is_a?(Timestamp) ? other.time : other)
    def -(other) = time - (other.is_a?(Timestamp) ? other.time : other)
    def +(other) = Timestamp.new(time + other)
    def to_i = time.to_i
    def to_f = time.to_r.to_f
    def usec = time.usec
    def nsec = time.nsec
    def year = time.year
    def to_iso8601
      return @text if @text

      digits = [3, 6].find { |count| (time.nsec % 10**(9 - count)).zero? } || 9
      @text = time.iso8601(digits)
    end
    alias tv_sec to_i
    alias tv_usec usec
    alias to_s to_iso8601
    alias inspect to_iso8601
    def to_json(*) = to_iso8601.to_json
  end

  class FieldError < StandardError; end

  module Json
    class ParserError < StandardError; end
    class GeneratorError < StandardError; end

    def self.load(text, *)
      text.strip.empty? ? nil : JSON.parse(text)
    rescue JSON::ParserError => e
      raise ParserError, e.message
    end

    def self.dump(value, *) = JSON.generate(value)
  end

  # Dates as `%{+YYYY.MM.dd}` writes them: the letters of Joda-Time, in English and UTC.
  module Joda
    LETTERS = {
      'y' => ->(t, n) { n == 2 ? t.strftime('%y') : t.year.to_s.rjust(n, '0') },
      'x' => ->(t, n) { n == 2 ? t.strftime('%g') : t.strftime('%G').rjust(n, '0') },
      'M' => ->(t, n) { n > 2 ? t.strftime(n > 3 ? '%B' : '%b') : t.month.to_s.rjust(n, '0') },
      'E' => ->(t, n) { t.strftime(n > 3 ? '%A' : '%a') },
      'a' => ->(t, _) { t.strftime('%p') },
      'S' => ->(t, n) { t.strftime('%9N').ljust(n, '0')[0, n] },
      'z' => ->(_, n) { n > 3 ? 'Coordinated Universal Time' : 'UTC' },
      'Z' => ->(_, n) { n == 1 ? '+0000' : n == 2 ? '+00:00' : 'UTC' },
      'G' => ->(t, _) { t.year.positive? ? 'AD' : 'BC' }
    }
    LETTERS['Y'] = LETTERS['u'] = LETTERS['y']
    NUMBERS = {
      'd' => '%-d', 'D' => '%-j', 'H' => '%-H', 'h' => '%-I', 'm' => '%-M', 's' => '%-S',
      'e' => '%u', 'w' => '%-V'
    }

    def self.format(time, pattern)
      pattern.gsub(/'((?:[^']|'')*)'|([A-Za-z])\2*/) do |part|
        next $1.empty? ? "'" : $1.gsub("''", "'") if $1
        letter, count = $2, part.length
        next LETTERS[letter].call(time, count) if LETTERS.key?(letter)
        next time.strftime(NUMBERS[letter]).rjust(count, '0') if NUMBERS.key?(letter)
        next ((time.hour + 23) % 24 + 1).to_s.rjust(count, '0') if letter == 'k'
        next (time.hour % 12).to_s.rjust(count, '0') if letter == 'K'
        next (time.year / 100).to_s.rjust(count, '0') if letter == 'C'
        raise ArgumentError, "`#{letter}` is not a letter of a date"
      end
    end
  end

  class Event
    attr_reader :fields

    def initialize(fields = {})
      @changed = {}
      @removed = []
      @fields = {}
      fields.each { |name, value| @fields[name.to_s] = Event.plain(value) }
      @fields['@timestamp'] = Timestamp.coerce(@fields['@timestamp']) || Timestamp.now
      @fields['@version'] ||= '1'
      @cancelled = false
    end

    # An event of data that nobody else has.
    def self.adopt(fields)
      made = allocate
      made.take(fields)
      made
    end

    def take(fields)
      @fields = fields
      @changed = {}
      @removed = []
      @cancelled = false
      set('@timestamp', Timestamp.now) unless fields['@timestamp']
    end

    # What the code changed, for the answer: names and values, and names that went. A name that was
    # removed and set again is in both, since it stands last then.
    def changes
      return if @changed.empty? && @removed.empty?

      made = {}
      @changed.each_key { |name| made[name] = released(@fields[name]) if @fields.key?(name) }
      [made, @removed]
    end

    def self.plain(value)
      case value
      when Integer, nil, true, false, Timestamp then value
      when Hash then value.each_with_object({}) { |(k, v), made| made[k.to_s] = plain(v) }
      when Array then value.map { |item| plain(item) }
      when Symbol then value.to_s
      when Time then Timestamp.new(value)
      when String
        return value.dup unless value.encoding == Encoding::BINARY

        value.dup.force_encoding('UTF-8').scrub
      when Event then plain(value.fields)
      when Numeric then value
      else value.respond_to?(:to_ary) ? plain(value.to_ary) : value.to_s
      end
    end

    KEYS = Hash.new do |known, name|
      known.clear if known.size > 4096
      known[name] = name.start_with?('[') ? name.scan(/[^\[\]]+/) : [name]
    end

    def get(name)
      keys = KEYS[name]
      value = keys.length == 1 ? @fields[keys[0]] : dig(keys)
      value = {} if value.nil? && name == '@metadata'
      Event.plain(value)
    end

    def set(name, value)
      keys = KEYS[name]
      value = Event.plain(value)
      top = keys[0]
      if keys.length == 1
        value = Timestamp.coerce(value) if top == '@timestamp'
        @fields[top] = value
      else
        at = @fields
        keys[0..-2].each { |key| at = step(at, key, name) }
        put(at, keys.last, value, name)
      end
      @changed[top] = true
      value
    end

    def remove(name)
      *parents, last = KEYS[name]
      return forget(last) if parents.empty?

      @changed[parents[0]] = true
      at = dig(parents)
      at.is_a?(Hash) ? at.delete(last) : at.is_a?(Array) ? at.delete_at(last.to_i) : nil
    end

    def include?(name)
      *parents, last = KEYS[name]
      at = dig(parents)
      at.is_a?(Hash) ? at.key?(last) : at.is_a?(Array) ? last.to_i < at.length : false
    end

    def tag(*tags)
      tags.each do |tag|
        held = @fields['tags']
        next if held == tag || (held.is_a?(Array) && held.include?(tag))
        @fields['tags'] = held.nil? ? [tag] : [*held, tag]
        @changed['tags'] = true
      end
    end

    def cancel = @cancelled = true
    def uncancel = @cancelled = false
    def cancelled? = @cancelled
    def to_hash = Event.plain(@fields.reject { |name, _| name == '@metadata' })
    def to_hash_with_metadata = Event.plain(@fields)
    def to_json(*) = to_hash.to_json
    def clone = Event.new(@fields)
    def timestamp = @fields['@timestamp']
    def timestamp=(value)
      set('@timestamp', value)
    end

    def overwrite(other)
      @fields = Event.plain(other.fields)
      @changed = @fields.transform_values { true }
      @removed = true
      self
    end

    def append(other)
      other.fields.each do |name, value|
        next if %w[@timestamp @version].include?(name)
        @fields[name] = Event.joined(@fields[name], Event.plain(value))
        @changed[name] = true
      end
      self
    end

    def self.joined(own, other)
      return other if own.nil?
      return own.merge(other) { |_, a, b| joined(a, b) } if own.is_a?(Hash) && other.is_a?(Hash)
      [*own] | [*other]
    end

    def sprintf(text)
      text.to_s.gsub(/%\{([^}]+)\}/) do |whole|
        next timestamp.time.strftime('%s') if $1 == '+%s'
        next Joda.format(timestamp.time, $1[1..]) if $1.start_with?('+')
        value = get($1)
        case value
        when nil then whole
        when Array then value.join(',')
        when Hash then value.to_json
        else value.to_s
        end
      end
    end

    private

    def forget(name)
      @changed.delete(name)
      @removed << name if @fields.key?(name) && @removed != true
      @fields.delete(name)
    end

    def dig(keys)
      keys.reduce(@fields) do |at, key|
        case at
        when Hash then at[key]
        when Array then key =~ /\A[+-]?\d+\z/ ? at[key.to_i] : nil
        end
      end
    end

    def step(at, key, name)
      return at[key] ||= {} if at.is_a?(Hash)
      return at[key.to_i] ||= {} if at.is_a?(Array)
      raise FieldError, "`#{name}` cannot be set: what it stands in is not a hash"
    end

    def put(at, key, value, name)
      return at[key] = value if at.is_a?(Hash)
      return at[key.to_i] = value if at.is_a?(Array)
      raise FieldError, "`#{name}` cannot be set: what it stands in is not a hash"
    end
  end
end

INSTANT = "\u0000t"
FLOAT = "\u0000f"

# Marks instants among the values of an event, which JSON could not tell from text.
def released(value)
  case value
  when String
    return value if value.encoding == Encoding::UTF_8 && value.valid_encoding?
    value.valid_encoding? ? value.encode('UTF-8') : value.scrub
  when Integer, nil, true, false then value
  when LogStash::Timestamp then { INSTANT => value.to_iso8601 }
  when Hash then value.transform_values { |item| released(item) }
  when Array then value.map { |item| released(item) }
  when Float then value.finite? ? value : { FLOAT => value.to_s }
  else value
  end
end

# The values of an event, of what JSON has of them; changed in place.
def accepted(value)
  case value
  when Hash
    if value.size == 1
      return LogStash::Timestamp.of(value[INSTANT]) if value.key?(INSTANT)
      return Float::NAN if value[FLOAT] == 'NaN'
    end
    value.each do |key, item|
      case item
      when Hash, Array then value[key] = accepted(item)
      end
    end
  when Array then value.map! { |item| accepted(item) }
  else value
  end
end

class Runner
  class Logger
    %w[fatal error warn info debug trace].each do |level|
      define_method(level) do |message = nil, *details|
        $stderr.puts([message, *details.map(&:inspect)].join(' '))
        true
      end
      define_method("#{level}?") { true }
    end
  end

  def logger = @logger ||= Logger.new

  def prepare(given)
    @logger = Logger.new
    instance_eval(given['init'], '(ruby filter init)') if given['init']
    if given['script']
      instance_eval(given['script'], given['path'])
      register(given['params']) if respond_to?(:register, true)
    else
      file, line = given['file'] || '(ruby filter code)', given['line'] || 1
      head = 'define_singleton_method(:filter_method) do |event, &new_event_block|'
      instance_eval("#{head} #{given['code']}\nend", file, line)
    end
  end

  # A `test` block of a script.
  class ScriptTest
    attr_reader :name, :given, :data, :expectations

    def initialize(name, body)
      @name, @given, @data, @expectations = name, {}, {}, []
      instance_eval(&body)
    end

    def parameters(&block) = @given = block.call
    def in_event(&block) = @data = block.call
    def expect(name, &block) = @expectations << [name, block]
  end

  def test(name, &body) = tests << ScriptTest.new(name, body)
  def tests = @tests ||= []

  # What the tests of a script say that is not so; each is run on a script of its own.
  def self.failures(given)
    listed = new
    listed.instance_eval(given['script'], given['path'])
    listed.tests.flat_map { |test| new.failures_of(test, given) }
  end

  def failures_of(test, given)
    instance_eval(given['script'], given['path'])
    register(test.given) if respond_to?(:register, true)
    events = filter(LogStash::Event.new(test.data))
    test.expectations.filter_map do |name, holds|
      "the test `#{test.name}` failed: #{name}" unless holds.call(events)
    rescue StandardError => e
      "the test `#{test.name}` failed: #{name} (#{e.message})"
    end
  rescue StandardError => e
    ["the test `#{test.name}` failed: #{e.message}"]
  end

  def one(data)
    event = LogStash::Event.adopt(accepted(data))
    made = []
    error = nil
    begin
      if respond_to?(:filter_method)
        filter_method(event) { |other| made << other }
      else
        given = filter(event)
        raise TypeError, '`filter` must return an array of events' unless given.is_a?(Array)
        event.cancel unless given.any? { |other| other.equal?(event) }
        made = given.reject { |other| other.equal?(event) }
      end
    rescue StandardError, ScriptError, SystemStackError => e
      error = [e.class.name, e.message.to_s.scrub, (e.backtrace || []).first.to_s]
    end
    set, removed = event.changes
    return 0 unless set || event.cancelled? || error || made.any?

    made.map! { |other| released(other.fields) }
    [set || {}, removed || [], event.cancelled?, made, error]
  end
end

runner = Runner.new
begin
  given = JSON.parse($stdin.readline)
  if given['tests']
    REPLIES.puts(JSON.generate('failures' => Runner.failures(given)))
  else
    runner.prepare(given)
    REPLIES.puts('{}')
  end
rescue Exception => e
  REPLIES.puts(JSON.generate('error' => "#{e.class}: #{e.message}"))
  REPLIES.flush
  exit
end
REPLIES.flush
while (line = $stdin.gets)
  REPLIES.puts(JSON.generate(JSON.parse(line).map { |data| runner.one(data) }))
  REPLIES.flush
end
