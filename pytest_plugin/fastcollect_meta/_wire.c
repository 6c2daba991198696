// The Python end of a channel: frames and messages as (type name, file id, fields by name).
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <structmember.h>
#include <sys/stat.h>
#include <time.h>

#include "channel.h"
#include "codec.h"
#include "config.h"
#include "cores.h"
#include "io.h"

// Slots are `void *` by CPython's definition, functions among them.
#pragma GCC diagnostic ignored "-Wpedantic"

enum { MAX_DEPTH = 8 }; // of messages in messages

// NULL with the exception that belongs to a negative errno.
static PyObject *raise_errno(int r) {
    if (r == -ENOMEM) return PyErr_NoMemory();
    if (r == -ENODATA) {
        PyErr_SetString(PyExc_EOFError, "the peer has closed the channel");
        return NULL;
    }
    errno = -r;
    return PyErr_SetFromErrno(PyExc_OSError);
}

// ---- fields to messages ----

// Memory that lives as long as the list `keep`; zeroed.
static void *keep_alloc(PyObject *keep, size_t size) {
    PyObject *block = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)(size ? size : 1));
    if (!block) return NULL;
    int r = PyList_Append(keep, block);
    Py_DECREF(block);
    if (r < 0) return NULL;
    memset(PyBytes_AS_STRING(block), 0, size);
    return PyBytes_AS_STRING(block);
}

static ProtobufCMessage *message_from_dict(const ProtobufCMessageDescriptor *descriptor,
                                           PyObject *fields, PyObject *keep, int depth);

static const char *text_of(PyObject *value, PyObject *keep) {
    if (!PyUnicode_Check(value)) {
        PyErr_Format(PyExc_TypeError, "str expected, not %.100s", Py_TYPE(value)->tp_name);
        return NULL;
    }
    const char *text = PyUnicode_AsUTF8(value);
    if (text) return text;
    // Surrogates: nothing that a reader of this text compares with, so they may be spelled out.
    PyErr_Clear();
    PyObject *encoded = PyUnicode_AsEncodedString(value, "utf-8", "backslashreplace");
    if (!encoded) return NULL;
    int r = PyList_Append(keep, encoded);
    Py_DECREF(encoded);
    return r < 0 ? NULL : PyBytes_AS_STRING(encoded);
}

// Stores one value at `place`, which has the C type that belongs to the field's.
static int store_value(const ProtobufCFieldDescriptor *field, PyObject *value, void *place,
                       PyObject *keep, int depth) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32: {
        unsigned long v = PyLong_AsUnsignedLong(value);
        if (v == (unsigned long)-1 && PyErr_Occurred()) return -1;
        if (v > UINT32_MAX) break;
        *(uint32_t *)place = (uint32_t)v;
        return 0;
    }
    case PROTOBUF_C_TYPE_INT32: {
        long v = PyLong_AsLong(value);
        if (v == -1 && PyErr_Occurred()) return -1;
        if (v > INT32_MAX || v < INT32_MIN) break;
        *(int32_t *)place = (int32_t)v;
        return 0;
    }
    case PROTOBUF_C_TYPE_UINT64: {
        uint64_t v = PyLong_AsUnsignedLongLong(value);
        if (v == (uint64_t)-1 && PyErr_Occurred()) return -1;
        *(uint64_t *)place = v;
        return 0;
    }
    case PROTOBUF_C_TYPE_INT64: {
        int64_t v = PyLong_AsLongLong(value);
        if (v == -1 && PyErr_Occurred()) return -1;
        *(int64_t *)place = v;
        return 0;
    }
    case PROTOBUF_C_TYPE_DOUBLE: {
        double v = PyFloat_AsDouble(value);
        if (v == -1.0 && PyErr_Occurred()) return -1;
        *(double *)place = v;
        return 0;
    }
    case PROTOBUF_C_TYPE_BOOL: {
        int v = PyObject_IsTrue(value);
        if (v < 0) return -1;
        *(protobuf_c_boolean *)place = v;
        return 0;
    }
    case PROTOBUF_C_TYPE_STRING: {
        const char *v = text_of(value, keep);
        if (!v) return -1;
        *(const char **)place = v;
        return 0;
    }
    case PROTOBUF_C_TYPE_BYTES: {
        if (!PyBytes_Check(value)) {
            PyErr_Format(PyExc_TypeError, "field %s: bytes expected, not %.100s", field->name,
                         Py_TYPE(value)->tp_name);
            return -1;
        }
        *(ProtobufCBinaryData *)place = (ProtobufCBinaryData){
            .len = (size_t)PyBytes_GET_SIZE(value),
            .data = (uint8_t *)PyBytes_AS_STRING(value),
        };
        return 0;
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        ProtobufCMessage *v = message_from_dict(field->descriptor, value, keep, depth + 1);
        if (!v) return -1;
        *(ProtobufCMessage **)place = v;
        return 0;
    }
    default:
        PyErr_Format(PyExc_NotImplementedError, "field %s: type %d", field->name, field->type);
        return -1;
    }
    PyErr_Format(PyExc_OverflowError, "field %s: number out of range", field->name);
    return -1;
}

static size_t element_size(const ProtobufCFieldDescriptor *field) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_INT32: return 4;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_DOUBLE: return 8;
    case PROTOBUF_C_TYPE_BOOL: return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES: return sizeof(ProtobufCBinaryData);
    default: return sizeof(void *);
    }
}

static int store_repeated(const ProtobufCFieldDescriptor *field, PyObject *value, char *message,
                          PyObject *keep, int depth) {
    PyObject *sequence = PySequence_Fast(value, "a repeated field takes a list");
    if (!sequence) return -1;
    // What the items point to must outlive this call, and `value` may be any iterable.
    int r = PyList_Append(keep, sequence);
    Py_DECREF(sequence);
    if (r < 0) return -1;
    size_t count = (size_t)PySequence_Fast_GET_SIZE(sequence);
    size_t size = element_size(field);
    char *array = keep_alloc(keep, count * size);
    if (!array) return -1;
    for (size_t i = 0; i < count; i++)
        if (store_value(field, PySequence_Fast_GET_ITEM(sequence, (Py_ssize_t)i), array + i * size,
                        keep, depth) < 0)
            return -1;
    *(size_t *)(void *)(message + field->quantifier_offset) = count;
    *(void **)(void *)(message + field->offset) = array;
    return 0;
}

// The message with these fields; it lies in, and points into, what `keep` and `fields` keep alive.
static ProtobufCMessage *message_from_dict(const ProtobufCMessageDescriptor *descriptor,
                                           PyObject *fields, PyObject *keep, int depth) {
    if (depth > MAX_DEPTH || !PyDict_Check(fields)) {
        PyErr_Format(PyExc_TypeError, "fields of %s: dict expected", descriptor->short_name);
        return NULL;
    }
    char *message = keep_alloc(keep, descriptor->sizeof_message);
    if (!message) return NULL;
    protobuf_c_message_init(descriptor, message);
    PyObject *name, *value;
    Py_ssize_t at = 0;
    while (PyDict_Next(fields, &at, &name, &value)) {
        const char *text = PyUnicode_Check(name) ? PyUnicode_AsUTF8(name) : NULL;
        const ProtobufCFieldDescriptor *field =
            text ? protobuf_c_message_descriptor_get_field_by_name(descriptor, text) : NULL;
        if (!field) {
            PyErr_Format(PyExc_TypeError, "%s has no field %R", descriptor->short_name, name);
            return NULL;
        }
        if (value == Py_None && field->type == PROTOBUF_C_TYPE_MESSAGE &&
            field->label != PROTOBUF_C_LABEL_REPEATED)
            continue;
        int r = field->label == PROTOBUF_C_LABEL_REPEATED
                    ? store_repeated(field, value, message, keep, depth)
                    : store_value(field, value, message + field->offset, keep, depth);
        if (r < 0) return NULL;
    }
    return (ProtobufCMessage *)(void *)message;
}

// ---- messages to fields ----

static PyObject *dict_from_message(const ProtobufCMessage *message);

static PyObject *load_value(const ProtobufCFieldDescriptor *field, const void *place) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32: return PyLong_FromUnsignedLong(*(const uint32_t *)place);
    case PROTOBUF_C_TYPE_INT32: return PyLong_FromLong(*(const int32_t *)place);
    case PROTOBUF_C_TYPE_UINT64: return PyLong_FromUnsignedLongLong(*(const uint64_t *)place);
    case PROTOBUF_C_TYPE_INT64: return PyLong_FromLongLong(*(const int64_t *)place);
    case PROTOBUF_C_TYPE_DOUBLE: return PyFloat_FromDouble(*(const double *)place);
    case PROTOBUF_C_TYPE_BOOL: return PyBool_FromLong(*(const protobuf_c_boolean *)place);
    case PROTOBUF_C_TYPE_STRING: {
        const char *text = *(const char *const *)place;
        if (!text) text = "";
        return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    }
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *data = place;
        return PyBytes_FromStringAndSize((const char *)data->data, (Py_ssize_t)data->len);
    }
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *message = *(const ProtobufCMessage *const *)place;
        if (!message) Py_RETURN_NONE;
        return dict_from_message(message);
    }
    default:
        return PyErr_Format(PyExc_NotImplementedError, "field %s: type %d", field->name,
                            field->type);
    }
}

static PyObject *load_repeated(const ProtobufCFieldDescriptor *field, const char *message) {
    size_t count = *(const size_t *)(const void *)(message + field->quantifier_offset);
    const char *array = *(const char *const *)(const void *)(message + field->offset);
    size_t size = element_size(field);
    PyObject *list = PyList_New((Py_ssize_t)count);
    if (!list) return NULL;
    for (size_t i = 0; i < count; i++) {
        PyObject *value = load_value(field, array + i * size);
        if (!value) {
            Py_DECREF(list);
            return NULL;
        }
        PyList_SET_ITEM(list, (Py_ssize_t)i, value);
    }
    return list;
}

static PyObject *dict_from_message(const ProtobufCMessage *message) {
    PyObject *fields = PyDict_New();
    if (!fields) return NULL;
    const char *bytes = (const char *)message;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        PyObject *value = field->label == PROTOBUF_C_LABEL_REPEATED
                              ? load_repeated(field, bytes)
                              : load_value(field, bytes + field->offset);
        int r = value ? PyDict_SetItemString(fields, field->name, value) : -1;
        Py_XDECREF(value);
        if (r < 0) {
            Py_DECREF(fields);
            return NULL;
        }
    }
    return fields;
}

// Number of the message type of that name, or -1 with ValueError.
static int type_of(const char *name) {
    int type = fcm_codec_type(name);
    if (type < 0) PyErr_Format(PyExc_ValueError, "no message is called %.100s", name);
    return type < 0 ? -1 : type;
}

// ---- Channel ----

typedef struct {
    PyObject_HEAD struct fcm_channel channel;
    int open;
    int lost;     // somebody has closed our descriptor, or put another into its place
    dev_t device; // of the socket
    ino_t inode;
} ChannelObject;

static bool is_ours(const ChannelObject *self) {
    struct stat info;
    return fstat(self->channel.fd, &info) == 0 && info.st_dev == self->device &&
           info.st_ino == self->inode;
}

// What stands in our descriptor's place is somebody else's and stays open.
static void channel_end(ChannelObject *self) {
    if (!self->open) return;
    self->open = 0;
    if (!is_ours(self)) self->channel.fd = -1;
    fcm_channel_done(&self->channel);
}

static int channel_check(ChannelObject *self) {
    if (self->open && is_ours(self)) return 0;
    if (self->open) {
        self->lost = 1;
        channel_end(self);
    }
    if (self->lost) {
        raise_errno(-EBADF);
        return -1;
    }
    PyErr_SetString(PyExc_ValueError, "the channel is closed");
    return -1;
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

// A signal that comes between the last look for signals and poll() doesn't interrupt that.
enum { LOOK_FOR_SIGNALS_MS = 500 };

// Waits without the GIL: 1, 0 at the deadline (negative: none), -1 with an exception. A signal's
// Python handler runs and may raise; otherwise the wait goes on.
static int channel_wait(ChannelObject *self, short events, int64_t deadline) {
    for (;;) {
        int64_t left = deadline < 0 ? LOOK_FOR_SIGNALS_MS : deadline - now_ms();
        if (left < 0) left = 0;
        bool last = deadline >= 0 && left <= LOOK_FOR_SIGNALS_MS;
        if (left > LOOK_FOR_SIGNALS_MS) left = LOOK_FOR_SIGNALS_MS;
        int fd = self->channel.fd, r;
        Py_BEGIN_ALLOW_THREADS r = fcm_io_wait(fd, events, (int)left);
        Py_END_ALLOW_THREADS if (r == -EINTR || (r == 0 && !last)) {
            if (PyErr_CheckSignals() < 0) return -1;
            if (channel_check(self) < 0) return -1; // a handler may have closed it
            continue;
        }
        if (r < 0) {
            raise_errno(r);
            return -1;
        }
        return r > 0;
    }
}

// Sends a frame and what was left of earlier ones; takes over both.
static PyObject *channel_send_frame(ChannelObject *self, struct fcm_frame *frame, int pass_fd) {
    int r = fcm_channel_post(&self->channel, frame, pass_fd);
    if (r < 0) return raise_errno(r);
    for (;;) {
        r = fcm_channel_flush(&self->channel);
        if (r < 0) return raise_errno(r);
        if (r == 0) Py_RETURN_NONE;
        if (channel_wait(self, POLLOUT, -1) < 0) return NULL;
    }
}

static PyObject *channel_send(PyObject *op, PyObject *args, PyObject *kwargs) {
    ChannelObject *self = (ChannelObject *)op;
    static char *names[] = {"", "", "id", "fd", NULL};
    const char *name;
    PyObject *fields;
    unsigned int id = 0;
    int fd = -1;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "sO!|Ii:send", names, &name, &PyDict_Type,
                                     &fields, &id, &fd))
        return NULL;
    if (channel_check(self) < 0) return NULL;
    int type = type_of(name);
    if (type < 0) return NULL;
    PyObject *keep = PyList_New(0);
    if (!keep) return NULL;
    ProtobufCMessage *message =
        message_from_dict(fcm_codec_descriptor((unsigned)type), fields, keep, 0);
    struct fcm_frame frame = {0};
    int r = message ? fcm_codec_encode((enum fcm_type)type, id, message, &frame) : 0;
    Py_DECREF(keep);
    if (!message) return NULL;
    if (r < 0) return raise_errno(r);
    int pass_fd = -1;
    if (fd >= 0) {
        // The queue closes what it sends; the caller's descriptor stays open.
        pass_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (pass_fd < 0) {
            r = -errno;
            fcm_frame_done(&frame);
            return raise_errno(r);
        }
    }
    return channel_send_frame(self, &frame, pass_fd);
}

static PyObject *channel_send_record(PyObject *op, PyObject *args) {
    ChannelObject *self = (ChannelObject *)op;
    unsigned int id;
    Py_buffer record;
    if (!PyArg_ParseTuple(args, "Iy*:send_record", &id, &record)) return NULL;
    if (channel_check(self) < 0) {
        PyBuffer_Release(&record);
        return NULL;
    }
    struct fcm_frame frame = {0};
    int r;
    Py_BEGIN_ALLOW_THREADS r =
        fcm_codec_encode_packed(FCM_RECORD, id, record.buf, (size_t)record.len, &frame);
    Py_END_ALLOW_THREADS PyBuffer_Release(&record);
    if (r < 0) return raise_errno(r);
    return channel_send_frame(self, &frame, -1);
}

// The frame's content: packed bytes of a Record, otherwise a dict.
static PyObject *content_of(const struct fcm_frame *frame) {
    if (frame->header.type != FCM_RECORD) {
        FCM_AUTO_MESSAGE void *message = NULL;
        int r = fcm_codec_decode(frame, &message);
        return r < 0 ? raise_errno(r) : dict_from_message(message);
    }
    const uint8_t *packed;
    size_t size;
    uint8_t *owned;
    int r = fcm_codec_unwrap(frame, &packed, &size, &owned);
    if (r < 0) return raise_errno(r);
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)packed, (Py_ssize_t)size);
    free(owned);
    return bytes;
}

// Adds the next descriptor that came along to the fields; -1 where there is none.
static int add_fd(ChannelObject *self, PyObject *fields, const char *name) {
    FCM_AUTO_CLOSE int fd = fcm_channel_take_fd(&self->channel);
    PyObject *number = PyLong_FromLong(fd);
    int r = number ? PyDict_SetItemString(fields, name, number) : -1;
    Py_XDECREF(number);
    if (r == 0) (void)fcm_take_fd(&fd);
    return r;
}

// (type name, id, content); takes over the frame.
static PyObject *tuple_from_frame(ChannelObject *self, struct fcm_frame *frame) {
    PyObject *content = content_of(frame);
    const char *name = fcm_frame_type_name(frame->header.type);
    uint32_t id = frame->header.id;
    int is_fork = frame->header.type == FCM_FORK;
    fcm_frame_done(frame);
    if (!content) return NULL;
    if (is_fork && (add_fd(self, content, "fd") < 0 || add_fd(self, content, "err") < 0)) {
        Py_DECREF(content);
        return NULL;
    }
    return Py_BuildValue("sIN", name, (unsigned int)id, content);
}

static PyObject *channel_receive(PyObject *op, PyObject *args) {
    ChannelObject *self = (ChannelObject *)op;
    PyObject *timeout = Py_None;
    if (!PyArg_ParseTuple(args, "|O:receive", &timeout)) return NULL;
    int64_t deadline = -1;
    if (timeout != Py_None) {
        double seconds = PyFloat_AsDouble(timeout);
        if (seconds == -1.0 && PyErr_Occurred()) return NULL;
        if (!(seconds > 0)) seconds = 0;
        if (seconds > 1e9) seconds = 1e9;
        deadline = now_ms() + (int64_t)(seconds * 1000);
    }
    for (;;) {
        if (channel_check(self) < 0) return NULL;
        struct fcm_frame frame;
        int r = fcm_channel_receive(&self->channel, &frame);
        if (r < 0) return raise_errno(r);
        if (r > 0) return tuple_from_frame(self, &frame);
        // Leftovers of a send that an exception interrupted. A broken pipe shows when reading.
        int more = fcm_channel_flush(&self->channel) == 1;
        r = channel_wait(self, more ? POLLIN | POLLOUT : POLLIN, deadline);
        if (r < 0) return NULL;
        if (r == 0) Py_RETURN_NONE;
    }
}

static PyObject *channel_fileno(PyObject *op, PyObject *Py_UNUSED(ignored)) {
    ChannelObject *self = (ChannelObject *)op;
    if (channel_check(self) < 0) return NULL;
    return PyLong_FromLong(self->channel.fd);
}

static PyObject *channel_close(PyObject *op, PyObject *Py_UNUSED(ignored)) {
    ChannelObject *self = (ChannelObject *)op;
    channel_end(self);
    Py_RETURN_NONE;
}

static PyObject *channel_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"fd", NULL};
    int fd;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "i:Channel", names, &fd)) return NULL;
    ChannelObject *self = (ChannelObject *)type->tp_alloc(type, 0);
    if (!self) return NULL;
    int r = fcm_channel_init(&self->channel, fd);
    if (r < 0) {
        Py_DECREF(self);
        return raise_errno(r);
    }
    struct stat info;
    if (fstat(self->channel.fd, &info) < 0) {
        r = -errno;
        fcm_channel_done(&self->channel);
        Py_DECREF(self);
        return raise_errno(r);
    }
    self->device = info.st_dev;
    self->inode = info.st_ino;
    self->open = 1;
    return (PyObject *)self;
}

static void channel_dealloc(PyObject *op) {
    ChannelObject *self = (ChannelObject *)op;
    PyTypeObject *type = Py_TYPE(op);
    channel_end(self);
    type->tp_free(op);
    Py_DECREF(type);
}

PyDoc_STRVAR(channel_doc, "Channel(fd)\n--\n\n"
                          "One end of a socket that carries frames. Takes over the descriptor.");
PyDoc_STRVAR(send_doc,
             "send(type_name, fields, /, id=0, fd=-1)\n--\n\n"
             "Send a message, waiting until it is away. A descriptor `fd` goes with it and "
             "stays open here.\nRaises BrokenPipeError when the peer is gone.");
PyDoc_STRVAR(send_record_doc, "send_record(id, record, /)\n--\n\n"
                              "Send a packed Record message, compressed.");
PyDoc_STRVAR(
    receive_doc,
    "receive(timeout=None, /)\n--\n\n"
    "The next message: (type name, file id, fields), with the packed bytes in place of the "
    "fields of a Record.\nNone after `timeout` seconds. Raises EOFError when the peer has "
    "closed. The fields of a Fork have the descriptors `fd` (channel) and `err` (stderr), -1 where "
    "none "
    "came.");
PyDoc_STRVAR(fileno_doc, "fileno()\n--\n\nThe descriptor.");
PyDoc_STRVAR(close_doc, "close()\n--\n\nClose the descriptor; may be called again.");

static PyMethodDef channel_methods[] = {
    {"send", (PyCFunction)(void (*)(void))channel_send, METH_VARARGS | METH_KEYWORDS, send_doc},
    {"send_record", channel_send_record, METH_VARARGS, send_record_doc},
    {"receive", channel_receive, METH_VARARGS, receive_doc},
    {"fileno", channel_fileno, METH_NOARGS, fileno_doc},
    {"close", channel_close, METH_NOARGS, close_doc},
    {0},
};

static PyType_Slot channel_slots[] = {
    {Py_tp_new, channel_new},
    {Py_tp_dealloc, channel_dealloc},
    {Py_tp_methods, channel_methods},
    {Py_tp_doc, (void *)(uintptr_t)channel_doc},
    {0, NULL},
};

static PyType_Spec channel_spec = {
    .name = "fastcollect_meta._wire.Channel",
    .basicsize = sizeof(ChannelObject),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = channel_slots,
};

// ---- module ----

static PyObject *wire_pack(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *name;
    PyObject *fields;
    if (!PyArg_ParseTuple(args, "sO!:pack", &name, &PyDict_Type, &fields)) return NULL;
    int type = type_of(name);
    if (type < 0) return NULL;
    PyObject *keep = PyList_New(0);
    if (!keep) return NULL;
    PyObject *packed = NULL;
    ProtobufCMessage *message =
        message_from_dict(fcm_codec_descriptor((unsigned)type), fields, keep, 0);
    if (message) {
        size_t size = protobuf_c_message_get_packed_size(message);
        packed = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);
        if (packed) protobuf_c_message_pack(message, (uint8_t *)PyBytes_AS_STRING(packed));
    }
    Py_DECREF(keep);
    return packed;
}

static PyObject *wire_unpack(PyObject *Py_UNUSED(module), PyObject *args) {
    const char *name;
    Py_buffer packed;
    if (!PyArg_ParseTuple(args, "sy*:unpack", &name, &packed)) return NULL;
    PyObject *fields = NULL;
    int type = type_of(name);
    if (type >= 0) {
        FCM_AUTO_MESSAGE void *message = protobuf_c_message_unpack(
            fcm_codec_descriptor((unsigned)type), NULL, (size_t)packed.len, packed.buf);
        if (message)
            fields = dict_from_message(message);
        else
            PyErr_Format(PyExc_ValueError, "these bytes are no %s message", name);
    }
    PyBuffer_Release(&packed);
    return fields;
}

static PyObject *wire_available_cores(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored)) {
    return PyLong_FromLong(fcm_cores_available(NULL, NULL));
}

PyDoc_STRVAR(pack_doc, "pack(type_name, fields, /)\n--\n\nThe message as protobuf bytes.");
PyDoc_STRVAR(unpack_doc, "unpack(type_name, packed, /)\n--\n\n"
                         "Fields of protobuf bytes by name. Raises ValueError.");
PyDoc_STRVAR(cores_doc, "available_cores()\n--\n\n"
                        "How many cores this process may use, by affinity and cgroup quota.");

static PyMethodDef wire_methods[] = {
    {"pack", wire_pack, METH_VARARGS, pack_doc},
    {"unpack", wire_unpack, METH_VARARGS, unpack_doc},
    {"available_cores", wire_available_cores, METH_NOARGS, cores_doc},
    {0},
};

static int wire_exec(PyObject *module) {
    PyObject *type = PyType_FromModuleAndSpec(module, &channel_spec, NULL);
    if (!type) return -1;
    int r = PyModule_AddObjectRef(module, "Channel", type);
    Py_DECREF(type);
    if (r < 0) return -1;
    if (PyModule_AddIntConstant(module, "PROTOCOL", FCM_PROTOCOL) < 0) return -1;
    return PyModule_AddStringConstant(module, "VERSION", FCM_VERSION);
}

static PyModuleDef_Slot wire_slots[] = {
    {Py_mod_exec, (void *)(uintptr_t)wire_exec},
    {0, NULL},
};

static PyModuleDef wire_module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_wire",
    .m_doc = "Channels to the other processes: frames, and messages as dicts.",
    .m_methods = wire_methods,
    .m_slots = wire_slots,
};

PyMODINIT_FUNC PyInit__wire(void);
PyMODINIT_FUNC PyInit__wire(void) { return PyModuleDef_Init(&wire_module); }
