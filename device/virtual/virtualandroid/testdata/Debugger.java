import com.sun.jdi.ArrayReference;
import com.sun.jdi.Bootstrap;
import com.sun.jdi.ByteValue;
import com.sun.jdi.ClassType;
import com.sun.jdi.Method;
import com.sun.jdi.ObjectReference;
import com.sun.jdi.PrimitiveValue;
import com.sun.jdi.ReferenceType;
import com.sun.jdi.StackFrame;
import com.sun.jdi.StringReference;
import com.sun.jdi.ThreadReference;
import com.sun.jdi.Value;
import com.sun.jdi.VirtualMachine;
import com.sun.jdi.connect.AttachingConnector;
import com.sun.jdi.connect.Connector;
import com.sun.jdi.event.BreakpointEvent;
import com.sun.jdi.event.ClassPrepareEvent;
import com.sun.jdi.event.Event;
import com.sun.jdi.event.EventSet;
import com.sun.jdi.event.MethodEntryEvent;
import com.sun.jdi.request.BreakpointRequest;
import com.sun.jdi.request.ClassPrepareRequest;
import com.sun.jdi.request.EventRequest;
import com.sun.jdi.request.MethodEntryRequest;
import java.util.List;
import java.util.Map;

/**
 * A debugger made of the JDK's own parts. Debugger PORT CLASS attaches, waits until CLASS is loaded
 * and its onCreate entered, prints what it was started with, one extra a line, and leaves.
 */
public class Debugger {
    static final long PATIENCE = 60_000;

    public static void main(String[] args) throws Exception {
        AttachingConnector socket = null;
        for (AttachingConnector c : Bootstrap.virtualMachineManager().attachingConnectors()) {
            if (c.name().equals("com.sun.jdi.SocketAttach")) socket = c;
        }
        Map<String, Connector.Argument> to = socket.defaultArguments();
        to.get("hostname").setValue("127.0.0.1");
        to.get("port").setValue(args[0]);
        to.get("timeout").setValue("" + PATIENCE);
        VirtualMachine vm = socket.attach(to);
        System.out.println("vm " + vm.name() + " " + vm.version());
        for (ThreadReference t : vm.allThreads()) {
            System.out.println("thread " + t.name() + " " + t.threadGroup().name());
        }
        System.out.println("loaded " + vm.classesByName("android.content.Intent").size() + " " + vm.classesByName(args[1]).size());
        for (ReferenceType c : vm.allClasses()) { // everything can be asked of each
            c.methods();
            c.fields();
            c.classLoader();
            if (c instanceof ClassType k) k.allInterfaces();
        }
        ClassPrepareRequest prepare = vm.eventRequestManager().createClassPrepareRequest();
        prepare.addClassFilter(args[1]);
        prepare.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        prepare.enable();
        System.out.println("ready");

        EventSet set = next(vm);
        ClassPrepareEvent prepared = (ClassPrepareEvent) set.iterator().next();
        System.out.println("prepared " + prepared.referenceType().name() + " on " + prepared.thread().name());
        Method create = prepared.referenceType().methodsByName("onCreate").get(0);
        BreakpointRequest stop = vm.eventRequestManager().createBreakpointRequest(create.location());
        stop.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        stop.enable();
        MethodEntryRequest entry = vm.eventRequestManager().createMethodEntryRequest();
        entry.addClassFilter(args[1]);
        entry.setSuspendPolicy(EventRequest.SUSPEND_EVENT_THREAD);
        entry.enable();
        set.resume();

        set = next(vm);
        ThreadReference thread = null;
        for (Event e : set) {
            if (e instanceof BreakpointEvent b) thread = b.thread();
            System.out.println(e instanceof BreakpointEvent ? "breakpoint" : e instanceof MethodEntryEvent ? "entry" : "?");
        }
        StackFrame frame = thread.frame(0);
        System.out.println("at " + frame.location().method() + ", frames " + thread.frameCount());
        System.out.println("argument " + frame.getValue(frame.visibleVariableByName("state")));
        ObjectReference activity = frame.thisObject();
        System.out.println("this " + activity.referenceType().name());
        ObjectReference intent = (ObjectReference) call(thread, activity, "getIntent", "()Landroid/content/Intent;");
        ObjectReference extras = (ObjectReference) field(intent, "mExtras");
        System.out.println("parcelled " + (field(extras, "mMap") == null));
        System.out.println("size " + call(thread, extras, "size", "()I"));
        ObjectReference map = (ObjectReference) field(extras, "mMap");
        ArrayReference cells = (ArrayReference) field(map, "mArray");
        for (int i = 0; i < cells.length(); i += 2) {
            System.out.println("extra " + ((StringReference) cells.getValue(i)).value() + " " + show(cells.getValue(i + 1)));
        }
        try {
            intent.invokeMethod(thread, method(intent, "putExtra", "(Ljava/lang/String;I)Landroid/content/Intent;"), List.of(vm.mirrorOf("k"), vm.mirrorOf("no int")), 0);
            System.out.println("a String was taken for an int");
        } catch (com.sun.jdi.InvalidTypeException e) {
            System.out.println("no int");
        }
        try {
            call(thread, activity, "startActivity", "(Landroid/content/Intent;)V", (Value) null);
            System.out.println("nothing thrown");
        } catch (com.sun.jdi.InvocationException e) {
            System.out.println("thrown " + e.exception().referenceType().name());
        }
        vm.eventRequestManager().deleteEventRequests(List.of(stop));
        vm.eventRequestManager().deleteEventRequests(List.of(entry));
        set.resume();
        vm.dispose();
        System.out.println("done");
    }

    static EventSet next(VirtualMachine vm) throws Exception {
        EventSet set = vm.eventQueue().remove(PATIENCE);
        if (set == null) throw new IllegalStateException("no event");
        return set;
    }

    static Method method(ObjectReference o, String name, String signature) {
        return ((ClassType) o.referenceType()).concreteMethodByName(name, signature);
    }

    static Value call(ThreadReference thread, ObjectReference o, String name, String signature, Value... args) throws Exception {
        return o.invokeMethod(thread, method(o, name, signature), java.util.Arrays.asList(args), ObjectReference.INVOKE_SINGLE_THREADED);
    }

    static Value field(ObjectReference o, String name) {
        return o.getValue(o.referenceType().fieldByName(name));
    }

    static String show(Value v) {
        if (v == null) return "null";
        if (v instanceof StringReference s) return "String " + s.value();
        if (v instanceof ArrayReference a) {
            StringBuilder hex = new StringBuilder();
            for (Value b : a.getValues()) hex.append(String.format("%02x", ((ByteValue) b).value()));
            return v.type().name() + " " + hex;
        }
        Value inner = field((ObjectReference) v, "value");
        return v.type().name().replace("java.lang.", "") + " " + (PrimitiveValue) inner;
    }
}
