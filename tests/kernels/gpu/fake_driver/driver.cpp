// A libcuda.so.1 whose GPUs are this machine's memory and cores, so that PyCUDA, unmodified, runs where there is no GPU.
//
// What a GPU does late is done late here (queue.h).  What a driver refuses is refused: a call on a thread without a current context, memory,
// streams and functions of another context, memory that was never allocated, arguments that the kernel does not take; and what breaks a
// device breaks it for good.  Fresh memory is full of 0xCB, freed memory of 0xDB.  Kernels are shared objects made by the emulator; the
// "cubin" that nvcc (the script beside this file) writes names one.
//
//   FAKE_GPUS         how many devices (1)              FAKE_GPU_MEMORY   bytes of each (2 GiB)
//   FAKE_GPU_ORDER    eager, lazy or a seed             fake_count("copies_in") and so on: what has been asked for so far
//
// Names such as cuMemAlloc stand for cuMemAlloc_v2: cuda.h says which, and PyCUDA is compiled with the same cuda.h.
#include <cuda.h>
#include <dlfcn.h>
#include <algorithm>
#include <map>
#include <memory>
#include "queue.h"

const uint64_t DEVICE_BIT = uint64_t(1) << 62;         // of every address of a device: as the emulator wants it, and no host can follow it

struct Device {
    int number;
    size_t total, used = 0;
    std::map<uint64_t, size_t> blocks;                 // address -> bytes
    std::vector<Stream *> streams;
    std::string fault;
};
struct Context { Device *device; };
struct Module { Device *device; void *library; };
struct Function {
    Device *device;
    std::string name, signature;
    const char *(*launch)(const unsigned *geometry, int order, int threads, void **params);
    int most_shared = 48 << 10;
};
struct Event { Device *device; Mark mark; std::shared_ptr<double> at = std::make_shared<double>(0); bool timed; };

std::string &fault_of(Device *d) { return d->fault; }
void broken(Device *d, const std::string &why) { if (d->fault.empty()) d->fault = why; }

static std::map<std::string, long> &counts = *new std::map<std::string, long>;
static std::map<uint64_t, size_t> &pinned = *new std::map<uint64_t, size_t>;
static thread_local std::vector<Context *> contexts;
static thread_local std::string last_fault;

static size_t number_from(const char *name, size_t otherwise) { const char *t = getenv(name); return t ? strtoull(t, nullptr, 10) : otherwise; }
static std::vector<Device *> &devices() {
    static auto &made = *[] {
        auto *v = new std::vector<Device *>;
        for (size_t i = 0; i < number_from("FAKE_GPUS", 1); i++) v->push_back(new Device{int(i), number_from("FAKE_GPU_MEMORY", size_t(2) << 30)});
        return v;
    }();
    return made;
}
static double now() { return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

static bool holds(const std::map<uint64_t, size_t> &blocks, uint64_t at, size_t n) {
    auto i = blocks.upper_bound(at);
    return i != blocks.begin() && (--i, at + n <= i->first + i->second);
}
static void *host(uint64_t address) { return (void *)(address & ~DEVICE_BIT); }
static std::string hex(uint64_t v) { char t[32]; snprintf(t, sizeof t, "0x%llx", (unsigned long long)v); return t; }

#define API extern "C" CUresult
// What every call that needs a device begins with: `lock` is held, `here` is the device of the thread's context.
#define HERE \
    Lock lock(all); \
    if (contexts.empty()) return CUDA_ERROR_INVALID_CONTEXT; \
    Device *here = contexts.back()->device; \
    if (!here->fault.empty()) { last_fault = here->fault; return CUDA_ERROR_LAUNCH_FAILED; }
#define OWN(thing) if (!(thing) || (thing)->device != here) return CUDA_ERROR_INVALID_HANDLE;

// At a call's end: what broke while it waited is told by this call.
static CUresult told(Device *d, bool in_time = true) {
    if (!in_time) return CUDA_ERROR_LAUNCH_TIMEOUT;
    if (d->fault.empty()) return CUDA_SUCCESS;
    last_fault = d->fault;
    return CUDA_ERROR_LAUNCH_FAILED;
}
static bool finish_all(Device *d, Lock &lock, bool only_blocking = false) {
    for (size_t i = 0; i < d->streams.size(); i++)
        if (!(only_blocking && !d->streams[i]->waits_for_default) && !finish(d->streams[i]->end(), lock)) return false;
    return true;
}
// Queue work on a stream; on the default one it happens here, after all streams that wait for the default one.
static CUresult queue(Device *d, Lock &lock, CUstream stream, std::string what, std::function<std::string()> work) {
    if (stream) {
        Stream *s = (Stream *)stream;
        if (s->device != d || s->closed) return CUDA_ERROR_INVALID_HANDLE;
        enqueue(*s, lock, std::move(what), std::move(work));
        return CUDA_SUCCESS;
    }
    counts["default_stream"]++;
    if (!finish_all(d, lock, true)) return CUDA_ERROR_LAUNCH_TIMEOUT;
    std::string wrong = d->fault.empty() ? work() : "";
    if (!wrong.empty()) broken(d, wrong);
    return told(d);
}

extern "C" long fake_count(const char *name) { Lock lock(all); return counts[name]; }

// devices and contexts

API cuInit(unsigned) { return devices().empty() ? CUDA_ERROR_NO_DEVICE : CUDA_SUCCESS; }
API cuDriverGetVersion(int *v) { *v = CUDA_VERSION; return CUDA_SUCCESS; }
API cuDeviceGetCount(int *n) { *n = int(devices().size()); return CUDA_SUCCESS; }
API cuDeviceGet(CUdevice *d, int i) { *d = i; return i < 0 || i >= int(devices().size()) ? CUDA_ERROR_INVALID_DEVICE : CUDA_SUCCESS; }
API cuDeviceGetName(char *text, int n, CUdevice d) { snprintf(text, n, "fake GPU %d", d); return CUDA_SUCCESS; }
API cuDeviceTotalMem(size_t *n, CUdevice d) { *n = devices()[d]->total; return CUDA_SUCCESS; }
API cuDeviceComputeCapability(int *major, int *minor, CUdevice) { *major = 7; *minor = 5; return CUDA_SUCCESS; }
API cuDeviceGetPCIBusId(char *text, int n, CUdevice d) { snprintf(text, n, "0000:%02x:00.0", d); return CUDA_SUCCESS; }
API cuDeviceCanAccessPeer(int *can, CUdevice, CUdevice) { *can = 0; return CUDA_SUCCESS; }
API cuDeviceGetAttribute(int *v, CUdevice_attribute what, CUdevice) {
    switch (what) {
        case CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK: case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X: case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y: *v = 1024; break;
        case CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z: *v = 64; break;
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X: *v = 0x7fffffff; break;
        case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y: case CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z: *v = 65535; break;
        case CU_DEVICE_ATTRIBUTE_WARP_SIZE: *v = 32; break;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK: *v = 48 << 10; break;
        case CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN: *v = 64 << 10; break;
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR: *v = 7; break;
        case CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR: *v = 5; break;
        case CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT: *v = int(std::thread::hardware_concurrency()); break;
        default: *v = 1;
    }
    return CUDA_SUCCESS;
}
API cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d) {
    static auto &primary = *new std::map<int, Context *>;
    Lock lock(all);
    if (!primary[d]) primary[d] = new Context{devices()[d]};
    *c = (CUcontext)primary[d];
    return CUDA_SUCCESS;
}
API cuDevicePrimaryCtxRelease(CUdevice) { return CUDA_SUCCESS; }
API cuCtxPushCurrent(CUcontext c) { contexts.push_back((Context *)c); return CUDA_SUCCESS; }
API cuCtxPopCurrent(CUcontext *c) {
    if (contexts.empty()) return CUDA_ERROR_INVALID_CONTEXT;
    if (c) *c = (CUcontext)contexts.back();
    contexts.pop_back();
    return CUDA_SUCCESS;
}
API cuCtxGetCurrent(CUcontext *c) { *c = contexts.empty() ? nullptr : (CUcontext)contexts.back(); return CUDA_SUCCESS; }
API cuCtxGetDevice(CUdevice *d) { HERE *d = here->number; return CUDA_SUCCESS; }
API cuCtxGetApiVersion(CUcontext, unsigned *v) { *v = CUDA_VERSION; return CUDA_SUCCESS; }
API cuCtxSynchronize() { HERE counts["synchronize"]++; return told(here, finish_all(here, lock)); }

// memory

API cuMemGetInfo(size_t *left, size_t *total) { HERE *left = here->total - here->used; *total = here->total; return CUDA_SUCCESS; }
API cuMemAlloc(CUdeviceptr *p, size_t n) {
    HERE
    if (!n) return CUDA_ERROR_INVALID_VALUE;
    if (here->used + n > here->total) return CUDA_ERROR_OUT_OF_MEMORY;
    void *at = aligned_alloc(256, (n + 255) / 256 * 256);
    memset(at, 0xCB, n);
    *p = (uint64_t)at | DEVICE_BIT;
    here->blocks[*p] = n;
    here->used += n;
    counts["allocate"]++;
    return CUDA_SUCCESS;
}
API cuMemFree(CUdeviceptr p) {
    HERE
    if (!here->blocks.count(p)) return CUDA_ERROR_INVALID_VALUE;
    bool in_time = finish_all(here, lock);             // a driver waits too before it gives memory back
    auto i = here->blocks.find(p);
    memset(host(p), 0xDB, i->second);
    free(host(p));
    here->used -= i->second;
    here->blocks.erase(i);
    return told(here, in_time);
}
API cuMemGetAddressRange(CUdeviceptr *begin, size_t *n, CUdeviceptr p) {
    HERE
    auto i = here->blocks.upper_bound(p);
    if (i == here->blocks.begin()) return CUDA_ERROR_NOT_FOUND;
    --i;
    *begin = i->first;
    *n = i->second;
    return CUDA_SUCCESS;
}
API cuMemHostAlloc(void **p, size_t n, unsigned) {
    HERE
    *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
    memset(*p, 0xCB, n);
    pinned[(uint64_t)*p] = n;
    counts["pin"]++;
    return CUDA_SUCCESS;
}
API cuMemFreeHost(void *p) {
    HERE
    bool in_time = finish_all(here, lock);
    pinned.erase((uint64_t)p);
    free(p);
    return told(here, in_time);
}
API cuMemHostRegister(void *p, size_t n, unsigned) { HERE pinned[(uint64_t)p] = n; return CUDA_SUCCESS; }
API cuMemHostUnregister(void *p) { HERE bool in_time = finish_all(here, lock); pinned.erase((uint64_t)p); return told(here, in_time); }

// copies

// A copy looks at its memory when it happens, the host's too: the driver may, and where the memory is page-locked it does.
static CUresult copy(Device *d, Lock &lock, const char *what, uint64_t to, uint64_t from, size_t n, CUstream s) {
    for (uint64_t p : {to, from}) if (p & DEVICE_BIT && !holds(d->blocks, p, n)) return CUDA_ERROR_INVALID_VALUE;
    counts[what]++;
    counts[std::string(what) + "_bytes"] += n;
    for (uint64_t p : {to, from}) if (!(p & DEVICE_BIT) && s && !holds(pinned, p, n)) counts["pageable"]++;
    return queue(d, lock, s, what, [=] { memcpy(host(to), host(from), n); return std::string(); });
}
API cuMemcpyHtoDAsync(CUdeviceptr d, const void *h, size_t n, CUstream s) { HERE return copy(here, lock, "copies_in", d, (uint64_t)h, n, s); }
API cuMemcpyDtoHAsync(void *h, CUdeviceptr d, size_t n, CUstream s) { HERE return copy(here, lock, "copies_out", (uint64_t)h, d, n, s); }
API cuMemcpyDtoDAsync(CUdeviceptr d, CUdeviceptr from, size_t n, CUstream s) { HERE return copy(here, lock, "copies_within", d, from, n, s); }
API cuMemcpyHtoD(CUdeviceptr d, const void *h, size_t n) { return cuMemcpyHtoDAsync(d, h, n, nullptr); }
API cuMemcpyDtoH(void *h, CUdeviceptr d, size_t n) { return cuMemcpyDtoHAsync(h, d, n, nullptr); }
API cuMemcpyDtoD(CUdeviceptr d, CUdeviceptr from, size_t n) { return cuMemcpyDtoDAsync(d, from, n, nullptr); }

template <class T> static CUresult fill(CUdeviceptr p, T value, size_t n, CUstream s) {
    HERE
    if (!holds(here->blocks, p, n * sizeof value)) return CUDA_ERROR_INVALID_VALUE;
    counts["fill"]++;
    return queue(here, lock, s, "fill", [=] { std::fill_n((T *)host(p), n, value); return std::string(); });
}
API cuMemsetD8Async(CUdeviceptr p, unsigned char v, size_t n, CUstream s) { return fill(p, v, n, s); }
API cuMemsetD16Async(CUdeviceptr p, unsigned short v, size_t n, CUstream s) { return fill(p, v, n, s); }
API cuMemsetD32Async(CUdeviceptr p, unsigned v, size_t n, CUstream s) { return fill(p, v, n, s); }
API cuMemsetD8(CUdeviceptr p, unsigned char v, size_t n) { return fill(p, v, n, nullptr); }
API cuMemsetD16(CUdeviceptr p, unsigned short v, size_t n) { return fill(p, v, n, nullptr); }
API cuMemsetD32(CUdeviceptr p, unsigned v, size_t n) { return fill(p, v, n, nullptr); }

// streams and events

API cuStreamCreate(CUstream *s, unsigned flags) {
    HERE
    static unsigned made = 0;
    Stream *stream = new Stream{here, made++, !(flags & CU_STREAM_NON_BLOCKING)};   // kept for good: marks point to it
    here->streams.push_back(stream);
    if (order() == THREADS) std::thread(serve, stream).detach();
    *s = (CUstream)stream;
    return CUDA_SUCCESS;
}
API cuStreamDestroy(CUstream s) {
    HERE
    OWN((Stream *)s)
    bool in_time = finish(((Stream *)s)->end(), lock);
    ((Stream *)s)->closed = true;
    moved.notify_all();
    return told(here, in_time);
}
API cuStreamSynchronize(CUstream s) {
    HERE
    counts["synchronize"]++;
    if (!s) return told(here, finish_all(here, lock, true));
    OWN((Stream *)s)
    return told(here, finish(((Stream *)s)->end(), lock));
}
// Who asks again and again must see an end some time, also where nothing happens by itself.
static CUresult asked(Device *d, Mark mark, Lock &lock) {
    if (mark.reached()) return told(d);
    if (order() == LAZY) advance(*mark.stream, lock);
    return CUDA_ERROR_NOT_READY;
}
API cuStreamQuery(CUstream s) { HERE OWN((Stream *)s) return asked(here, ((Stream *)s)->end(), lock); }
API cuStreamWaitEvent(CUstream s, CUevent e, unsigned) {
    HERE
    OWN((Stream *)s)                                                                // the event may be another device's
    counts["wait"]++;
    enqueue(*(Stream *)s, lock, "wait for an event", nullptr, ((Event *)e)->mark);
    return CUDA_SUCCESS;
}
API cuEventCreate(CUevent *e, unsigned flags) {
    HERE
    *e = (CUevent) new Event{here, {}, std::make_shared<double>(0), !(flags & CU_EVENT_DISABLE_TIMING)};
    counts["event"]++;
    return CUDA_SUCCESS;
}
API cuEventDestroy(CUevent e) { HERE OWN((Event *)e) delete (Event *)e; return CUDA_SUCCESS; }
API cuEventRecord(CUevent e, CUstream s) {
    HERE
    Event *event = (Event *)e;
    OWN(event)
    OWN((Stream *)s)                                                                // of the default stream nothing here needs events
    counts["record"]++;
    auto at = event->at;
    enqueue(*(Stream *)s, lock, "record an event", [at] { *at = now(); return std::string(); });
    event->mark = ((Stream *)s)->end();
    return CUDA_SUCCESS;
}
API cuEventSynchronize(CUevent e) { HERE OWN((Event *)e) counts["synchronize"]++; return told(here, finish(((Event *)e)->mark, lock)); }
API cuEventQuery(CUevent e) { HERE OWN((Event *)e) return asked(here, ((Event *)e)->mark, lock); }
API cuEventElapsedTime(float *ms, CUevent a, CUevent b) {
    HERE
    if (!((Event *)a)->timed || !((Event *)b)->timed) return CUDA_ERROR_INVALID_HANDLE;
    if (!((Event *)a)->mark.reached() || !((Event *)b)->mark.reached()) return CUDA_ERROR_NOT_READY;
    *ms = float(*((Event *)b)->at - *((Event *)a)->at);
    return CUDA_SUCCESS;
}

// code

const char CUBIN[] = "fake cubin: ";
API cuModuleLoadDataEx(CUmodule *m, const void *image, unsigned, CUjit_option *, void **) {
    HERE
    if (strncmp((const char *)image, CUBIN, strlen(CUBIN))) return CUDA_ERROR_NO_BINARY_FOR_GPU;
    void *library = dlopen((const char *)image + strlen(CUBIN), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        fprintf(stderr, "fake driver: %s\n", dlerror());
        return CUDA_ERROR_INVALID_IMAGE;
    }
    *m = (CUmodule) new Module{here, library};
    counts["module"]++;
    return CUDA_SUCCESS;
}
API cuModuleLoadData(CUmodule *m, const void *image) { return cuModuleLoadDataEx(m, image, 0, nullptr, nullptr); }
API cuModuleUnload(CUmodule m) { HERE OWN((Module *)m) bool in_time = finish_all(here, lock); delete (Module *)m; return told(here, in_time); }
API cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name) {
    HERE
    OWN((Module *)m)
    void *library = ((Module *)m)->library, *launch = dlsym(library, (std::string("emulated_launch_") + name).c_str());
    if (!launch) return CUDA_ERROR_NOT_FOUND;
    auto signature = (const char *(*)())dlsym(library, (std::string("emulated_signature_") + name).c_str());
    *f = (CUfunction) new Function{here, name, signature(), (decltype(Function::launch))launch};
    return CUDA_SUCCESS;
}
API cuFuncGetAttribute(int *v, CUfunction_attribute a, CUfunction) { *v = a == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024 : 0; return CUDA_SUCCESS; }
API cuFuncSetAttribute(CUfunction f, CUfunction_attribute a, int v) {
    HERE
    OWN((Function *)f)
    if (a == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) {
        if (v < 0 || v > 64 << 10) return CUDA_ERROR_INVALID_VALUE;
        ((Function *)f)->most_shared = v;
    }
    return CUDA_SUCCESS;
}

// Where each argument lies in the buffer, by the alignment of its type; structures here have members of 4 bytes.  Bytes in all, without padding
// at the end.
static size_t layout(const std::string &signature, std::vector<std::pair<char, size_t>> &arguments) {
    size_t end = 0;
    for (size_t i = 0; i < signature.size(); i++) {
        char code = signature[i];
        if (code == ' ') continue;
        size_t size = code == 'S' ? strtoul(&signature[i + 1], nullptr, 10) : strchr("PdqQ", code) ? 8 : strchr("ifI", code) ? 4 : strchr("hH", code) ? 2 : 1;
        if (code == 'S') while (i + 1 < signature.size() && signature[i + 1] != ' ') i++;
        size_t alignment = code == 'S' ? 4 : size;
        end = (end + alignment - 1) / alignment * alignment;
        arguments.push_back({code, end});
        end += size;
    }
    return end;
}
API cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, CUstream stream,
                   void **, void **extra) {
    HERE
    Function *f = (Function *)function;
    OWN(f)
    unsigned long threads = (unsigned long)bx * by * bz;
    if (!gx || !gy || !gz || gx > 0x7fffffffu || gy > 65535 || gz > 65535 || !threads || threads > 1024 || bz > 64 || int(shared) > f->most_shared)
        return CUDA_ERROR_INVALID_VALUE;
    const char *buffer = nullptr;
    size_t size = 0;
    for (int i = 0; extra && extra[i] != CU_LAUNCH_PARAM_END; i += 2)
        if (extra[i] == CU_LAUNCH_PARAM_BUFFER_POINTER) buffer = (const char *)extra[i + 1]; else size = *(size_t *)extra[i + 1];
    std::vector<std::pair<char, size_t>> arguments;
    size_t wanted = layout(f->signature, arguments);
    if (size < wanted || size > (wanted + 7) / 8 * 8) {
        fprintf(stderr, "fake driver: %s takes %zu bytes of arguments (%s), was given %zu\n", f->name.c_str(), wanted, f->signature.c_str(), size);
        return CUDA_ERROR_INVALID_VALUE;
    }
    counts["launch"]++;
    std::string bytes(buffer, size);
    return queue(here, lock, stream, f->name, [=]() mutable -> std::string {
        std::vector<void *> params;
        for (auto &a : arguments) {
            params.push_back(&bytes[a.second]);
            uint64_t p = 0;
            if (a.first == 'P') memcpy(&p, &bytes[a.second], sizeof p);
            Lock looking(all);
            if (p && !holds(here->blocks, p, 0))
                return f->name + ": argument " + std::to_string(params.size()) + " (" + hex(p) + ") is no memory of this device";
        }
        const unsigned geometry[7] = {gx, gy, gz, bx, by, bz, shared};
        const char *wrong = f->launch(geometry, 0, 1, params.data());
        return wrong ? f->name + ": " + wrong : "";
    });
}

API cuGetErrorString(CUresult r, const char **text) {
    static thread_local std::string said;
    said = r == CUDA_ERROR_LAUNCH_FAILED ? "unspecified launch failure (" + last_fault + ")" : r == CUDA_ERROR_OUT_OF_MEMORY ? "out of memory" :
        r == CUDA_ERROR_INVALID_VALUE ? "invalid argument" : r == CUDA_ERROR_NOT_FOUND ? "named symbol not found" :
        r == CUDA_ERROR_INVALID_CONTEXT ? "invalid device context" : r == CUDA_ERROR_INVALID_HANDLE ? "invalid resource handle" :
        r == CUDA_ERROR_NO_DEVICE ? "no CUDA-capable device is detected" : r == CUDA_ERROR_LAUNCH_TIMEOUT ? "the launch timed out and was terminated" :
        r == CUDA_ERROR_NO_BINARY_FOR_GPU ? "no kernel image is available for execution on the device" :
        r == CUDA_ERROR_NOT_SUPPORTED ? "operation not supported (by the fake driver)" : "error " + std::to_string(int(r));
    *text = said.c_str();
    return CUDA_SUCCESS;
}
